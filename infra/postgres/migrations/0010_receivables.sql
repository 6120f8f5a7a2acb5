-- Receivables: what is owed on each document, and the payments, refunds and credits that settle it.

-- Billing's read model. `owed` is negative where a credit note names no invoice; `credited` is what credit notes took
-- off an invoice, and what a credit note gave to the invoice that it names (negative).
CREATE TABLE billing.receivables (
    document_id uuid    PRIMARY KEY,
    number      text    NOT NULL,
    customer_id uuid    NOT NULL,
    currency    text    NOT NULL,
    owed        numeric NOT NULL,
    paid        numeric NOT NULL DEFAULT 0,
    refunded    numeric NOT NULL DEFAULT 0,
    credited    numeric NOT NULL DEFAULT 0
);
CREATE INDEX receivables_number ON billing.receivables (number);

-- All documents that were issued before are invoices of which nothing is paid.
INSERT INTO billing.receivables (document_id, number, customer_id, currency, owed)
SELECT (issued->>'documentId')::uuid, issued->>'number', (issued->>'customerId')::uuid, issued->>'currency',
    (issued->'totals'->>'gross')::numeric
FROM (
    SELECT convert_from(state, 'UTF8')::json AS issued FROM billing.events WHERE topic = 'billing.DocumentIssued'
) AS documents;

GRANT SELECT, INSERT, UPDATE, DELETE ON billing.receivables TO kontor_service;

SET LOCAL search_path TO projections, public;

-- documents.py ---------------------------------------------------------------------------------------------

ALTER TABLE documents ALTER COLUMN billing_run_id DROP NOT NULL;

CREATE TABLE document_settlements (
    document_id uuid    PRIMARY KEY,
    customer_id uuid    NOT NULL,
    currency    text    NOT NULL,
    due_date    date    NOT NULL,
    owed        numeric NOT NULL,
    paid        numeric NOT NULL,
    refunded    numeric NOT NULL,
    credited    numeric NOT NULL,
    open        numeric NOT NULL,
    status      text    NOT NULL
);
COMMENT ON COLUMN document_settlements.status IS 'On whichever day: overdue is what is open after its due date.';
CREATE INDEX document_settlements_open ON document_settlements (customer_id, due_date) WHERE open <> 0;
CREATE INDEX document_settlements_due ON document_settlements (due_date) WHERE open > 0;

-- payments.py ----------------------------------------------------------------------------------------------

CREATE TABLE payments (
    payment_id    uuid        PRIMARY KEY,
    document_id   uuid        NOT NULL,
    number        text        NOT NULL,
    customer_id   uuid        NOT NULL,
    kind          text        NOT NULL,
    amount        numeric     NOT NULL,
    currency      text        NOT NULL,
    paid_on       date        NOT NULL,
    method        text,
    reference     text,
    payment_ident text,
    recorded_at   timestamptz NOT NULL,
    recorded_by   text        NOT NULL,
    position      bigint      NOT NULL
);
CREATE INDEX payments_document ON payments (document_id, position);
CREATE INDEX payments_customer ON payments (customer_id, position);
CREATE INDEX payments_position ON payments (position);
CREATE INDEX payments_payment_ident ON payments (payment_ident) WHERE payment_ident IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON document_settlements, payments TO kontor_service;
