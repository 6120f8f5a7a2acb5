"""The people's web pages: server-rendered, and an ordinary client of the queries and the public API."""
