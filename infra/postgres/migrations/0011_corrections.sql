-- Corrections: which credit note is about which invoice, and what may be billed again.

SET LOCAL search_path TO billing;

-- An interval that a credit note makes billable again stays, with the credit note that released it; `correction`
-- counts the released ones before, so that the next bill has a key of its own and the one after that has not.
ALTER TABLE billed_intervals ADD COLUMN released_by uuid;
COMMENT ON COLUMN billed_intervals.released_by IS 'The credit note that took this bill back; null while it stands.';

CREATE TABLE credit_notes (
    document_id uuid   PRIMARY KEY,
    invoice_id  uuid   NOT NULL
);
CREATE INDEX credit_notes_invoice ON credit_notes (invoice_id);
COMMENT ON TABLE credit_notes IS 'Credit notes about an invoice.';

GRANT SELECT, INSERT, UPDATE, DELETE ON credit_notes TO kontor_service;

SET LOCAL search_path TO projections, public;

-- documents.py: the invoice that a credit note is about.
ALTER TABLE documents ADD COLUMN preceding_document_id uuid;
CREATE INDEX documents_preceding ON documents (preceding_document_id) WHERE preceding_document_id IS NOT NULL;

-- contracts.py: null while everything of an item that was billed is to be billed again.
ALTER TABLE contract_items_billed ALTER COLUMN billed_through DROP NOT NULL;

-- orders.py: how many lines of the order a document bills, less than none where a credit note lets them be billed
-- again. Filled anew: the projection has a new version.
TRUNCATE order_documents;
ALTER TABLE order_documents ADD COLUMN lines integer NOT NULL;

SET LOCAL search_path TO billing;

-- Contracts that changed and whose bills are to be looked at; a queue, which an audit does not compare.
CREATE TABLE contract_checks (
    contract_id    uuid     PRIMARY KEY,
    customer_id    uuid     NOT NULL,
    since          date     NOT NULL,
    causes         bigint[] NOT NULL,
    actor          text     NOT NULL,
    correlation_id uuid     NOT NULL,
    causation_id   uuid     NOT NULL
);

-- One proposal about a contract is open at a time.
CREATE TABLE open_corrections (
    contract_id uuid PRIMARY KEY,
    proposal_id uuid NOT NULL UNIQUE
);

GRANT SELECT, INSERT, UPDATE, DELETE ON contract_checks, open_corrections TO kontor_service;

SET LOCAL search_path TO projections, public;

-- corrections.py -------------------------------------------------------------------------------------------

CREATE TABLE correction_proposals (
    proposal_id uuid        PRIMARY KEY,
    customer_id uuid        NOT NULL,
    contract_id uuid        NOT NULL,
    status      text        NOT NULL,
    proposal    json        NOT NULL,
    decision    json,
    position    bigint      NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE INDEX correction_proposals_position ON correction_proposals (position);
CREATE INDEX correction_proposals_customer ON correction_proposals (customer_id, position);
CREATE INDEX correction_proposals_status   ON correction_proposals (status, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON correction_proposals TO kontor_service;
