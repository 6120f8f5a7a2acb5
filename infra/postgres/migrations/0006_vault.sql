-- The vault: the keys that customers' personal data are sealed under (docs/security.md).

CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA vault TO kontor_service;

-- By which the master key is known; the master key itself is never in the database.
CREATE TABLE vault.master (
    only_row    boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    fingerprint bytea       NOT NULL CHECK (length(fingerprint) = 32),
    made_at     timestamptz NOT NULL DEFAULT now()
);

-- One key per customer and purpose, whose id is made of both; `wrapped` is its secret, encrypted under the master key.
-- In small parts, because the part that a destroyed key was in is written anew to be rid of it.
CREATE TABLE vault.keys (
    key_id  uuid        PRIMARY KEY,
    subject uuid        NOT NULL,
    purpose text        NOT NULL CHECK (purpose IN ('customer', 'documents')),
    wrapped bytea       NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY HASH (key_id);
COMMENT ON COLUMN vault.keys.subject IS 'The customer.';

DO $$
BEGIN
    FOR part IN 0..31 LOOP
        EXECUTE format(
            'CREATE TABLE vault.keys_%s PARTITION OF vault.keys FOR VALUES WITH (MODULUS 32, REMAINDER %s)', part, part
        );
        -- The planner takes no samples of keys.
        EXECUTE format('ALTER TABLE vault.keys_%s ALTER COLUMN wrapped SET STATISTICS 0', part);
    END LOOP;
END
$$;
ALTER TABLE vault.keys ALTER COLUMN wrapped SET STATISTICS 0;

-- What is left of a key that was destroyed: that it was, so that what it sealed is erased, not lost.
CREATE TABLE vault.destroyed_keys (
    key_id       uuid        PRIMARY KEY,
    subject      uuid        NOT NULL,
    purpose      text        NOT NULL,
    stored_in    regclass    NOT NULL,
    position     bigint      NOT NULL,
    destroyed_at timestamptz NOT NULL,
    purged_at    timestamptz
);
CREATE INDEX destroyed_keys_to_purge ON vault.destroyed_keys (position) WHERE purged_at IS NULL;
COMMENT ON COLUMN vault.destroyed_keys.stored_in IS 'The part of vault.keys in which it was.';
COMMENT ON COLUMN vault.destroyed_keys.position IS 'Of the erasure in the customer log.';
COMMENT ON COLUMN vault.destroyed_keys.purged_at IS 'When the last plaintext and the key itself left the files of the database.';

GRANT SELECT, INSERT ON vault.master, vault.destroyed_keys TO kontor_service;
GRANT SELECT, INSERT, DELETE ON vault.keys TO kontor_service;
