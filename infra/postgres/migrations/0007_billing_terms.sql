-- Billing: contracts with all that was done to them, usage, billing stop, and how far each item is billed.

SET LOCAL search_path TO billing;

UPDATE billables SET terms = jsonb_build_object('signed', terms) WHERE kind = 'CONTRACT';

-- Per item the days that are billed, as few periods as there can be.
UPDATE billables SET progress = coalesce((
    SELECT jsonb_object_agg(item, jsonb_build_array(jsonb_build_object('from', first, 'to', last)))
    FROM (
        SELECT item, min(interval_start) AS first, max(interval_end) AS last
        FROM billed_intervals WHERE billed_intervals.billable_id = billables.billable_id GROUP BY item
    ) AS items
), '{}')
WHERE progress <> '{}';
COMMENT ON COLUMN billables.progress IS 'By item: the days that are billed, [{"from", "to"}, …], in order.';

-- Of the customer only what decides on its documents and is printed on them.
UPDATE customers SET party = party
    - ARRAY['contractorReferences', 'phone', 'taxNumber', 'preferredDocumentDelivery', 'properties'];

-- The one customer that a run is for; null: all.
ALTER TABLE runs ADD COLUMN customer_id uuid;
UPDATE runs SET customer_id = (convert_from(events.state, 'UTF8')::jsonb ->> 'customerId')::uuid
FROM events
WHERE events.topic = 'billing.BillingRunStarted' AND events.originator_id = runs.billing_run_id;

-- An interval of a usage item is billed once more when usage of it was recorded late.
ALTER TABLE billed_intervals
    ADD COLUMN late integer NOT NULL DEFAULT 0,
    DROP CONSTRAINT billed_intervals_pkey,
    ADD PRIMARY KEY (billable_id, item, interval_start, late, correction);

-- What was used, by the upstream system's name of it; `position` is that of its message in the customer log.
-- Once billed: on which document, in the interval that begins when, by which of its bills (see billed_intervals).
CREATE TABLE usage (
    event_id       text        COLLATE "C" PRIMARY KEY,
    billable_id    uuid        NOT NULL,
    item           text        NOT NULL,
    occurred_at    timestamptz NOT NULL,
    quantity       numeric     NOT NULL,
    position       bigint      NOT NULL,
    document_id    uuid,
    interval_start date,
    late           integer,
    CHECK (num_nulls(document_id, interval_start, late) IN (0, 3))
);
CREATE INDEX usage_unbilled ON usage (billable_id) WHERE document_id IS NULL;
CREATE INDEX usage_billed ON usage (billable_id, item, interval_start) WHERE document_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON usage TO kontor_service;
