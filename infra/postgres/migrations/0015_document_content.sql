-- What documents say: how they are delivered, what was prepaid and what rounding makes of the amount due.

SET LOCAL search_path TO billing;

-- How each customer wants its documents, as it was said last; NONE is left out.
UPDATE customers SET party = party || jsonb_build_object('preferredDocumentDelivery', wanted)
FROM (
    SELECT DISTINCT ON (customer_id) customer_id, wanted
    FROM (
        SELECT position, (state->>'customerId')::uuid AS customer_id,
            CASE topic
                WHEN 'customer.CustomerCreated' THEN coalesce(state->>'preferredDocumentDelivery', 'NONE')
                ELSE state->'changes'->>'preferredDocumentDelivery'
            END AS wanted
        FROM (
            SELECT position, topic, convert_from(state, 'UTF8')::json AS state FROM customer.events
            WHERE topic IN ('customer.CustomerCreated', 'customer.CustomerEdited')
                AND position <= (SELECT position FROM feed_positions WHERE source = 'customer')
        ) AS recorded
    ) AS said
    WHERE wanted IS NOT NULL
    ORDER BY customer_id, position DESC
) AS last
WHERE customers.customer_id = last.customer_id AND wanted <> 'NONE';

-- No order was prepaid before, and no document rounded.
ALTER TABLE receivables ADD COLUMN prepaid numeric NOT NULL DEFAULT 0;
COMMENT ON COLUMN receivables.owed IS 'With the rounding; negative where money is given.';

SET LOCAL search_path TO projections, public;

-- documents.py
ALTER TABLE document_settlements ADD COLUMN prepaid numeric NOT NULL DEFAULT 0;
