-- Schemas, the role that services run as, and who may sign in.

-- The embedded server made it with LOGIN; on a server of yours Kontor signs in as the owner and takes it on.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kontor_service') THEN
        CREATE ROLE kontor_service NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'kontor_service', 'SET') THEN
        EXECUTE format('GRANT kontor_service TO %I WITH SET TRUE', current_user);
    END IF;
END
$$;

CREATE SCHEMA customer;
CREATE SCHEMA billing;
CREATE SCHEMA projections;
GRANT USAGE ON SCHEMA kontor, customer, billing, projections TO kontor_service;

CREATE TABLE kontor.api_keys (
    key_hash   bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kontor.api_keys IS 'Bearer tokens of upstream systems; only their SHA-256 is kept.';

CREATE TABLE kontor.sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    actor      text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX ON kontor.sessions (expires_at);
COMMENT ON TABLE kontor.sessions IS 'People signed in to the portal; only the SHA-256 of their cookie is kept.';

CREATE TABLE kontor.sign_in_links (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    actor      text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE kontor.sign_in_links IS 'Links into the portal, good until they expire; only the SHA-256 of their token is kept.';

GRANT SELECT, INSERT, UPDATE, DELETE ON kontor.api_keys, kontor.sessions, kontor.sign_in_links TO kontor_service;
GRANT SELECT ON kontor.migrations TO kontor_service;
