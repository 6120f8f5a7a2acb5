-- Kafka: how far each log was sent to its topic and by whom, and how far billing has followed each partition.

-- One row for each log. `epoch` grows with every new leader: who led before can move nothing any more.
-- `sent` has for each partition of the topic, from 0 on, the position of the newest record in it.
CREATE TABLE customer.relay_cursor (
    only_row boolean  PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch    bigint   NOT NULL DEFAULT 0,
    topic_id uuid,
    position bigint   NOT NULL DEFAULT 0,
    sent     bigint[] NOT NULL DEFAULT '{}'
);
INSERT INTO customer.relay_cursor DEFAULT VALUES;

CREATE TABLE billing.relay_cursor (LIKE customer.relay_cursor INCLUDING ALL);
INSERT INTO billing.relay_cursor DEFAULT VALUES;

-- A log is one partition, 0. At `barrier` a partition waits until all are there.
ALTER TABLE billing.feed_positions
    ADD COLUMN partition integer NOT NULL DEFAULT 0,
    ADD COLUMN barrier   bigint  NOT NULL DEFAULT 0,
    DROP CONSTRAINT feed_positions_pkey,
    ADD PRIMARY KEY (source, partition);

GRANT SELECT, UPDATE ON customer.relay_cursor, billing.relay_cursor TO kontor_service;
