"""The billing service: what is due, the documents that bill it, and the runs that issue them."""
