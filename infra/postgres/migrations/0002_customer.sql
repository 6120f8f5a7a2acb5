-- Customer service: its event log.

CREATE FUNCTION kontor.refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or removed: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- The append-only log. `log_head` is the one row that every append locks: it orders commits, so that
-- positions are gapless and become visible in their order.
CREATE TABLE customer.events (
    position           bigint      PRIMARY KEY,
    originator_id      uuid        NOT NULL,
    originator_version bigint      NOT NULL,
    topic              text        NOT NULL,
    schema_version     smallint    NOT NULL,
    state              bytea       NOT NULL,
    occurred_at        timestamptz NOT NULL,
    actor              text        NOT NULL,
    command_id         uuid        NOT NULL,
    correlation_id     uuid        NOT NULL,
    causation_id       uuid,
    UNIQUE (originator_id, originator_version)
) WITH (autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 1000);

CREATE TABLE customer.log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint  NOT NULL
);
INSERT INTO customer.log_head (position) VALUES (0);

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON customer.events
    FOR EACH STATEMENT EXECUTE FUNCTION kontor.refuse_change_of_history();
ALTER TABLE customer.events ENABLE ALWAYS TRIGGER events_are_append_only;

-- The first answer to every command, stored with its events, so that it is carried out once.
CREATE TABLE customer.commands (
    command_id   uuid        PRIMARY KEY,
    request_hash bytea       NOT NULL,
    answer       json        NOT NULL,
    recorded_at  timestamptz NOT NULL
);

-- Names that only one aggregate may bear, taken in the transaction that stores its events.
CREATE TABLE customer.idents (
    kind  text NOT NULL,
    ident text NOT NULL,
    owner uuid NOT NULL,
    PRIMARY KEY (kind, ident)
);

GRANT SELECT, INSERT ON customer.events, customer.commands, customer.idents TO kontor_service;
GRANT SELECT, UPDATE ON customer.log_head TO kontor_service;

CREATE SEQUENCE customer.account_number START 100001;
GRANT USAGE ON SEQUENCE customer.account_number TO kontor_service;
