-- Billing service: its event log, and its own read model of what can be billed and what was.

-- The append-only log. `log_head` is the one row that every append locks: it orders commits, so that
-- positions are gapless and become visible in their order.
CREATE TABLE billing.events (
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

CREATE TABLE billing.log_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint  NOT NULL
);
INSERT INTO billing.log_head (position) VALUES (0);

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing.events
    FOR EACH STATEMENT EXECUTE FUNCTION kontor.refuse_change_of_history();
ALTER TABLE billing.events ENABLE ALWAYS TRIGGER events_are_append_only;

-- The first answer to every command, stored with its events, so that it is carried out once.
CREATE TABLE billing.commands (
    command_id   uuid        PRIMARY KEY,
    request_hash bytea       NOT NULL,
    answer       json        NOT NULL,
    recorded_at  timestamptz NOT NULL
);

-- Names that only one aggregate may bear, taken in the transaction that stores its events.
CREATE TABLE billing.idents (
    kind  text NOT NULL,
    ident text NOT NULL,
    owner uuid NOT NULL,
    PRIMARY KEY (kind, ident)
);

GRANT SELECT, INSERT ON billing.events, billing.commands, billing.idents TO kontor_service;
GRANT SELECT, UPDATE ON billing.log_head TO kontor_service;

-- How far the read model has followed the log of each source.
CREATE TABLE billing.feed_positions (
    source   text   PRIMARY KEY,
    position bigint NOT NULL
);
INSERT INTO billing.feed_positions VALUES ('customer', 0);

CREATE TABLE billing.customers (
    customer_id uuid  PRIMARY KEY,
    party       jsonb NOT NULL
);

-- Contracts and orders. `due_on` is the earliest day on which something of it is to be billed, null when
-- nothing ever is again: a run reads only what is due, however long the history.
CREATE TABLE billing.billables (
    billable_id uuid  PRIMARY KEY,
    customer_id uuid  NOT NULL,
    kind        text  NOT NULL CHECK (kind IN ('CONTRACT', 'ORDER')),
    terms       jsonb NOT NULL,
    progress    jsonb NOT NULL DEFAULT '{}',
    due_on      date
);
CREATE INDEX billables_due ON billing.billables (customer_id, due_on) WHERE due_on IS NOT NULL;

-- Every billed interval; the primary key refuses a second bill, whichever run, worker or bug asks.
CREATE TABLE billing.billed_intervals (
    billable_id    uuid    NOT NULL,
    item           text    NOT NULL,
    interval_start date    NOT NULL,
    correction     integer NOT NULL DEFAULT 0,
    interval_end   date    NOT NULL,
    document_id    uuid    NOT NULL,
    line           integer NOT NULL,
    PRIMARY KEY (billable_id, item, interval_start, correction)
);

-- One counter per range; documents are numbered without gaps.
CREATE TABLE billing.number_ranges (
    billing_entity_id uuid    NOT NULL,
    document_type     text    NOT NULL,
    year              integer NOT NULL,
    last_number       bigint  NOT NULL,
    PRIMARY KEY (billing_entity_id, document_type, year)
);

CREATE TABLE billing.billing_entities (
    billing_entity_id uuid   PRIMARY KEY,
    defined_at        bigint NOT NULL,
    entity            jsonb  NOT NULL
);

CREATE TABLE billing.runs (
    billing_run_id  uuid    PRIMARY KEY,
    started_at      bigint  NOT NULL,
    processing_date date    NOT NULL,
    ended_by        date    NOT NULL,
    actor           text    NOT NULL,
    correlation_id  uuid    NOT NULL,
    customers_total integer NOT NULL,
    status          text    NOT NULL,
    had_failures    boolean NOT NULL DEFAULT false
);
CREATE INDEX runs_running ON billing.runs (customers_total, started_at) WHERE status = 'RUNNING';

-- Customers of a run that have no outcome yet.
CREATE TABLE billing.run_work (
    billing_run_id uuid NOT NULL,
    customer_id    uuid NOT NULL,
    PRIMARY KEY (billing_run_id, customer_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    billing.feed_positions, billing.customers, billing.billables, billing.billed_intervals,
    billing.number_ranges, billing.billing_entities, billing.runs, billing.run_work
TO kontor_service;
