-- Billing: an order is marked as billed line by line, as its lines may be on several documents.

SET LOCAL search_path TO billing;

-- So far one mark per order, at its first line; the others followed it on the same document.
INSERT INTO billed_intervals (billable_id, item, interval_start, interval_end, late, correction, document_id, line)
SELECT billable_id, number::text, interval_start, interval_end, late, correction, document_id, line + number - 1
FROM billed_intervals
JOIN billables USING (billable_id)
CROSS JOIN LATERAL generate_series(1, jsonb_array_length(terms -> 'lines')) AS number
WHERE kind = 'ORDER' AND item = 'order';

DELETE FROM billed_intervals USING billables
WHERE billables.billable_id = billed_intervals.billable_id AND kind = 'ORDER' AND item = 'order';

UPDATE billables SET progress = (
    SELECT jsonb_object_agg(number, progress -> 'order')
    FROM generate_series(1, jsonb_array_length(terms -> 'lines')) AS number
)
WHERE kind = 'ORDER' AND progress ? 'order';
