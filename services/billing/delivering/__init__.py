"""Documents by e-mail: the letter that goes with them, and how it is handed to a mail server."""
