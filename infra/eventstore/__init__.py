"""The event logs on PostgreSQL: storing events, and feeding them to consumers."""
