"""Apache Kafka: a cluster for development, the relay from the logs into topics, and the feed out of them."""
