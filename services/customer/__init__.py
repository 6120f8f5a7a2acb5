"""The customer service: customers, contracts, orders and the requests to bill them."""
