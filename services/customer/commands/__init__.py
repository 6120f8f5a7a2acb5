"""The commands of the customer service as upstream systems send them, checked field by field.

One shape for the HTTP API, the imports and every other way in; field names are fixed, others build on them.
"""
