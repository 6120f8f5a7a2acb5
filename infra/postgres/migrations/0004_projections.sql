-- Views: everything here follows from the logs and can be rebuilt from them (`kontor projections rebuild`).

-- Extensions live in public. pg_trgm makes searching inside words fast.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;

SET LOCAL search_path TO projections, public;

-- How far each projection has followed each log. A batch moves this row first and holds it to its end,
-- so that nobody else can write the projection meanwhile.
CREATE TABLE positions (
    projection text    NOT NULL,
    source     text    NOT NULL,
    version    integer NOT NULL,
    position   bigint  NOT NULL,
    error      text,
    PRIMARY KEY (projection, source)
);
COMMENT ON COLUMN positions.version IS 'Of the projection''s code: rows of another version are to be rebuilt.';

-- The advisory lock that the one running copy of a projection holds.
CREATE FUNCTION lease_of(projection text) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN hashtextextended('projection ' || projection, 0);

-- Events that could not be applied (error says why), and those about the same customer that wait behind them.
CREATE TABLE parked (
    projection text   NOT NULL,
    source     text   NOT NULL,
    position   bigint NOT NULL,
    key        uuid   NOT NULL,
    topic      text   NOT NULL,
    error      text,
    PRIMARY KEY (projection, source, position)
);
CREATE INDEX parked_key ON parked (projection, key);

-- customer_overview.py -------------------------------------------------------------------------------------
-- Text that is sorted has the collation "C": its folded form is made in Python, and the embedded server has no ICU.

CREATE TABLE customer_overview (
    customer_id        uuid        PRIMARY KEY,
    debtor_ident       text        COLLATE "C" NOT NULL,
    account_number     text        COLLATE "C" NOT NULL,
    customer_type      text        COLLATE "C" NOT NULL,
    language           text        COLLATE "C" NOT NULL,
    email              text,
    vat_id             text,
    contractor_idents  text[]      NOT NULL,
    invoice_address_id uuid        NOT NULL,
    name               text        NOT NULL,
    name_sort          text        COLLATE "C" NOT NULL,
    city               text,
    city_sort          text        COLLATE "C" NOT NULL,
    country            text        COLLATE "C" NOT NULL,
    search             text        NOT NULL,
    created_at         timestamptz NOT NULL
);
CREATE UNIQUE INDEX customer_overview_debtor_ident ON customer_overview (debtor_ident);
CREATE INDEX customer_overview_account_number ON customer_overview (lpad(account_number, 20, '0'));
CREATE INDEX customer_overview_name           ON customer_overview (name_sort, customer_id);
CREATE INDEX customer_overview_city           ON customer_overview (city_sort, customer_id);
CREATE INDEX customer_overview_customer_type  ON customer_overview (customer_type, customer_id);
CREATE INDEX customer_overview_country        ON customer_overview (country, customer_id);
CREATE INDEX customer_overview_language       ON customer_overview (language, customer_id);
CREATE INDEX customer_overview_created_at     ON customer_overview (created_at, customer_id);
CREATE INDEX customer_overview_search         ON customer_overview USING gin (search gin_trgm_ops);

CREATE TABLE customer_balances (
    customer_id        uuid    PRIMARY KEY,
    open_amounts       json    NOT NULL,
    open_amount        numeric NOT NULL,
    last_document      json,
    last_document_sort text    COLLATE "C" NOT NULL
);
CREATE INDEX customer_balances_open_amount   ON customer_balances (open_amount, customer_id);
CREATE INDEX customer_balances_last_document ON customer_balances (last_document_sort, customer_id);

CREATE TABLE customer_activity (
    customer_id      uuid    NOT NULL,
    since            date    NOT NULL,
    until            date    NOT NULL,
    contracts_active integer NOT NULL,
    PRIMARY KEY (customer_id, since)
);
CREATE INDEX customer_activity_contracts_active ON customer_activity (contracts_active, customer_id);
COMMENT ON TABLE customer_activity IS 'How many contracts are active from `since` to the day before `until`; the steps of a customer cover all days.';

-- customer_detail.py ---------------------------------------------------------------------------------------

CREATE TABLE customer_detail (
    customer_id  uuid        PRIMARY KEY,
    debtor_ident text        NOT NULL,
    general      json        NOT NULL,
    addresses    json        NOT NULL,
    properties   json        NOT NULL,
    version      bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);

-- contracts.py ---------------------------------------------------------------------------------------------

CREATE TABLE contracts (
    contract_id    uuid        PRIMARY KEY,
    customer_id    uuid        NOT NULL,
    contract_ident text        NOT NULL,
    starts_on      date        NOT NULL,
    ends_on        date,
    terms          json        NOT NULL,
    version        bigint      NOT NULL,
    position       bigint      NOT NULL,
    created_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX contracts_contract_ident ON contracts (contract_ident);
CREATE INDEX contracts_customer ON contracts (customer_id, position);
CREATE INDEX contracts_position ON contracts (position);

CREATE TABLE contract_items_billed (
    contract_id    uuid NOT NULL,
    item_ident     text NOT NULL,
    billed_through date NOT NULL,
    PRIMARY KEY (contract_id, item_ident)
);

-- orders.py ------------------------------------------------------------------------------------------------

CREATE TABLE orders (
    order_id    uuid        PRIMARY KEY,
    customer_id uuid        NOT NULL,
    order_ident text        NOT NULL,
    terms       json        NOT NULL,
    version     bigint      NOT NULL,
    position    bigint      NOT NULL,
    created_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX orders_order_ident ON orders (order_ident);
CREATE INDEX orders_customer ON orders (customer_id, position);
CREATE INDEX orders_position ON orders (position);

CREATE TABLE order_documents (
    order_id    uuid   NOT NULL,
    document_id uuid   NOT NULL,
    number      text   NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (order_id, document_id)
);

-- documents.py ---------------------------------------------------------------------------------------------

CREATE TABLE documents (
    document_id    uuid   PRIMARY KEY,
    number         text   NOT NULL,
    customer_id    uuid   NOT NULL,
    billing_run_id uuid   NOT NULL,
    due_date       date   NOT NULL,
    summary        json   NOT NULL,
    document       json   NOT NULL,
    position       bigint NOT NULL
);
CREATE INDEX documents_number ON documents (number);
CREATE INDEX documents_customer ON documents (customer_id, position);
CREATE INDEX documents_billing_run ON documents (billing_run_id, position);
CREATE INDEX documents_position ON documents (position);

-- billing_runs.py ------------------------------------------------------------------------------------------

CREATE TABLE billing_runs (
    billing_run_id  uuid        PRIMARY KEY,
    customer_id     uuid,
    debtor_ident    text,
    processing_date date,
    requested_at    timestamptz NOT NULL,
    requested_by    text        NOT NULL,
    position        bigint      NOT NULL
);
CREATE INDEX billing_runs_customer ON billing_runs (customer_id);
CREATE INDEX billing_runs_position ON billing_runs (position);

CREATE TABLE billing_run_progress (
    billing_run_id   uuid    PRIMARY KEY,
    processing_date  date,
    customers_total  integer,
    customers_done   integer NOT NULL,
    customers_failed integer NOT NULL,
    documents_count  integer NOT NULL,
    amounts          json    NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    final_status     text
);

CREATE TABLE billing_run_outcomes (
    billing_run_id uuid   NOT NULL,
    customer_id    uuid   NOT NULL,
    debtor_ident   text   NOT NULL,
    outcome        text   NOT NULL,
    documents      uuid[] NOT NULL,
    reason         text,
    position       bigint NOT NULL,
    PRIMARY KEY (billing_run_id, customer_id)
);
CREATE INDEX billing_run_outcomes_customer ON billing_run_outcomes (customer_id);
CREATE INDEX billing_run_outcomes_position ON billing_run_outcomes (billing_run_id, position);

-- history.py -----------------------------------------------------------------------------------------------

CREATE TABLE history (
    source         text        COLLATE "C" NOT NULL,
    position       bigint      NOT NULL,
    customer_id    uuid        NOT NULL,
    at             timestamptz NOT NULL,
    actor          text        NOT NULL,
    event          text        NOT NULL,
    subject        uuid        NOT NULL,
    summary        text,
    changes        json        NOT NULL,
    command_id     uuid        NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    PRIMARY KEY (source, position)
);
CREATE INDEX history_customer ON history (customer_id, at, source, position);

CREATE TABLE history_customers (
    customer_id uuid PRIMARY KEY,
    state       json NOT NULL
);

CREATE TABLE history_runs (
    billing_run_id uuid PRIMARY KEY,
    customer_id    uuid NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO kontor_service;
