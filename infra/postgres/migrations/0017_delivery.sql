-- E-mail delivery of documents: what is still to be sent, and what somebody is just sending.

SET LOCAL search_path TO billing;

-- Billing's read model of deliveries that are not at their end. `since` is when the document was issued, or asked for
-- by request 1, 2, 3 …; `due_at` when it is to be tried next.
CREATE TABLE deliveries (
    document_id uuid        PRIMARY KEY,
    customer_id uuid        NOT NULL,
    request     integer     NOT NULL,
    since       timestamptz NOT NULL,
    due_at      timestamptz NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (due_at);

-- Attempts under way, written before anything is sent: one that is still here when its time is over was cut off, and is
-- in doubt. No read model: an audit does not compare it.
CREATE TABLE delivery_attempts (
    document_id uuid        PRIMARY KEY,
    request     integer     NOT NULL,
    over_at     timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries, delivery_attempts TO kontor_service;

SET LOCAL search_path TO projections, public;

-- deliveries.py: what became of the e-mails with a document; no row where nothing was tried or asked for.
CREATE TABLE document_deliveries (
    document_id     uuid        PRIMARY KEY,
    customer_id     uuid        NOT NULL,
    request         integer     NOT NULL,
    status          text        NOT NULL,
    attempts        integer     NOT NULL,
    recipient       text,
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,
    failure         text,
    answer          text,
    message_id      text
);

GRANT SELECT, INSERT, UPDATE, DELETE ON document_deliveries TO kontor_service;
