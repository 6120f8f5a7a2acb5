-- Views of everything that customers, plans, contracts and orders can become. Tables whose rows are made in another
-- way now are made anew, empty: their projections have a new version and are rebuilt from the logs.

SET LOCAL search_path TO projections, public;

-- customer_overview.py -------------------------------------------------------------------------------------

ALTER TABLE customer_overview
    DROP COLUMN contractor_idents,
    ADD COLUMN contractor_references jsonb   NOT NULL DEFAULT '[]',
    ADD COLUMN properties            jsonb   NOT NULL DEFAULT '{}',
    ADD COLUMN billing_stop          boolean NOT NULL DEFAULT false;
COMMENT ON TABLE customer_overview IS 'The one view that holds personal data in plain text: it is searched and sorted by them.';
COMMENT ON COLUMN customer_overview.properties IS 'Each value as the text that a filter gives for it.';
CREATE INDEX customer_overview_contractor_references
    ON customer_overview USING gin (contractor_references jsonb_path_ops);
CREATE INDEX customer_overview_properties   ON customer_overview USING gin (properties);
CREATE INDEX customer_overview_billing_stop ON customer_overview (created_at, customer_id) WHERE billing_stop;

-- What must be known of a contract to tell when it is active.
CREATE TABLE customer_contracts (
    contract_id uuid PRIMARY KEY,
    terms       json NOT NULL
);

-- customer_detail.py ---------------------------------------------------------------------------------------

DROP TABLE customer_detail;
CREATE TABLE customer_detail (
    customer_id uuid        PRIMARY KEY,
    state       json        NOT NULL,
    version     bigint      NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- plans.py -------------------------------------------------------------------------------------------------

CREATE TABLE plans (
    plan_id      uuid        PRIMARY KEY,
    plan_ident   text        NOT NULL,
    plan_version integer     NOT NULL,
    version      bigint      NOT NULL,
    position     bigint      NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE UNIQUE INDEX plans_plan_ident ON plans (plan_ident);
CREATE INDEX plans_position ON plans (position);

CREATE TABLE plan_versions (
    plan_id      uuid        NOT NULL,
    plan_version integer     NOT NULL,
    plan         json        NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (plan_id, plan_version)
);

-- contracts.py ---------------------------------------------------------------------------------------------

DROP TABLE contracts;
CREATE TABLE contracts (
    contract_id    uuid        PRIMARY KEY,
    customer_id    uuid        NOT NULL,
    contract_ident text        NOT NULL,
    terms          json        NOT NULL,
    version        bigint      NOT NULL,
    position       bigint      NOT NULL,
    created_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX contracts_contract_ident ON contracts (contract_ident);
CREATE INDEX contracts_customer ON contracts (customer_id, position);
CREATE INDEX contracts_position ON contracts (position);

DROP TABLE contract_items_billed;
CREATE TABLE contract_items_billed (
    contract_id    uuid NOT NULL,
    item_ident     text NOT NULL,
    billed         json NOT NULL,
    billed_through date NOT NULL,
    PRIMARY KEY (contract_id, item_ident)
);

CREATE TABLE contract_unbilled_usage (
    contract_id uuid  PRIMARY KEY,
    unbilled    jsonb NOT NULL,
    billed      jsonb NOT NULL
);

CREATE TABLE contract_usage (
    contract_id uuid    NOT NULL,
    month       date    NOT NULL,
    item_ident  text    NOT NULL,
    quantity    numeric NOT NULL,
    events      integer NOT NULL,
    PRIMARY KEY (contract_id, month, item_ident)
);
COMMENT ON COLUMN contract_usage.month IS 'Its first day; months are those of UTC.';

-- orders.py ------------------------------------------------------------------------------------------------

ALTER TABLE orders ADD COLUMN cancellation json;

-- history.py -----------------------------------------------------------------------------------------------

CREATE TABLE history_contracts (
    contract_id uuid PRIMARY KEY,
    terms       json NOT NULL
);

CREATE TABLE history_orders (
    order_id    uuid PRIMARY KEY,
    order_ident text NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA projections TO kontor_service;
