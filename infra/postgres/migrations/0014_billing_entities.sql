-- Several billing entities: which one bills whom, and number ranges with settings of their own.

SET LOCAL search_path TO billing;

ALTER TABLE billing_entities ADD COLUMN is_default boolean NOT NULL DEFAULT false;

-- A range may go on with the numbers of another system: `last_number` is one less than the first where none is allotted.
ALTER TABLE number_ranges ADD COLUMN first_number bigint NOT NULL DEFAULT 1;

-- Which range each prefix belongs to, for good.
CREATE TABLE number_prefixes (
    prefix            text PRIMARY KEY,
    billing_entity_id uuid NOT NULL,
    document_type     text NOT NULL
);
INSERT INTO number_prefixes
SELECT DISTINCT ON (prefix) prefix, billing_entity_id, document_type
FROM (
    SELECT position, (state->>'numberPrefix') || suffix AS prefix, (state->>'billingEntityId')::uuid AS billing_entity_id,
        document_type
    FROM (
        SELECT position, convert_from(state, 'UTF8')::json AS state FROM events
        WHERE topic IN ('billing.BillingEntityDefined', 'billing.BillingEntityRedefined')
    ) AS defined
    CROSS JOIN (VALUES ('INVOICE', ''), ('CREDIT_NOTE', '-GS'), ('CORRECTION', '-RK')) AS types (document_type, suffix)
) AS prefixes
ORDER BY prefix, position;

-- The last guard against a number that exists twice.
DROP INDEX receivables_number;
CREATE UNIQUE INDEX receivables_number ON receivables (number);

-- An instant is another day in another billing entity's time zone; null where a run is up to a plain day.
ALTER TABLE runs ADD COLUMN processing_at timestamptz;

GRANT SELECT, INSERT, UPDATE, DELETE ON number_prefixes TO kontor_service;
