-- Billing runs: only if nothing changed, retries, cancelled runs, amounts far beyond the usual ones.

SET LOCAL search_path TO billing;

-- When something was last recorded about each customer, as the position in the customer log; under the nil id
-- when a run was last requested for all.
CREATE TABLE customer_changes (
    customer_id uuid   PRIMARY KEY,
    position    bigint NOT NULL
);
INSERT INTO customer_changes
SELECT coalesce((state->>'customerId')::uuid, '00000000-0000-0000-0000-000000000000'), max(position)
FROM (
    SELECT convert_from(state, 'UTF8')::json AS state, topic, position FROM customer.events
    WHERE position <= (SELECT position FROM feed_positions WHERE source = 'customer')
) AS recorded
WHERE state->>'customerId' IS NOT NULL OR topic = 'customer.BillingRunRequested'
GROUP BY 1;

-- The customers that each run failed for: a retry bills them again.
CREATE TABLE run_failures (
    billing_run_id uuid NOT NULL,
    customer_id    uuid NOT NULL,
    PRIMARY KEY (billing_run_id, customer_id)
);
INSERT INTO run_failures
SELECT (state->>'billingRunId')::uuid, (state->>'customerId')::uuid
FROM (SELECT convert_from(state, 'UTF8')::json AS state FROM events WHERE topic = 'billing.CustomerBilled') AS outcomes
WHERE state->>'outcome' = 'FAILED';

ALTER TABLE runs ADD COLUMN accept_unusual boolean NOT NULL DEFAULT false;

-- What the days of each recurring item of a contract cost when they were billed last, before allowances and charges.
CREATE TABLE last_amounts (
    billable_id uuid    NOT NULL,
    item        text    NOT NULL,
    amount      numeric NOT NULL,
    days        integer NOT NULL,
    PRIMARY KEY (billable_id, item)
);
INSERT INTO last_amounts
SELECT DISTINCT ON (1, 2)
    (line->'origin'->>'id')::uuid, line->'origin'->>'item',
    abs((line->>'net')::numeric
        + (SELECT coalesce(sum((one->>'amount')::numeric), 0) FROM json_array_elements(line->'allowances') AS one)
        - (SELECT coalesce(sum((one->>'amount')::numeric), 0) FROM json_array_elements(line->'charges') AS one)),
    (line->'period'->>'to')::date - (line->'period'->>'from')::date + 1
FROM (
    SELECT position, convert_from(state, 'UTF8')::json AS state FROM events WHERE topic = 'billing.DocumentIssued'
) AS documents, json_array_elements(state->'lines') AS line
WHERE line->'period' IS NOT NULL AND line->'usage' IS NULL
ORDER BY 1, 2, position DESC, (line->>'line')::integer DESC;

CREATE INDEX customers_debtor_ident ON customers ((party->>'debtorIdent'));

GRANT SELECT, INSERT, UPDATE, DELETE ON customer_changes, run_failures, last_amounts TO kontor_service;

SET LOCAL search_path TO projections, public;

-- billing_runs.py: the run that a run retries, and why one was cancelled.
ALTER TABLE billing_runs ADD COLUMN retry_of uuid;
ALTER TABLE billing_run_progress ADD COLUMN reason text;
