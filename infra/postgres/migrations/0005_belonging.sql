-- Which aggregate a named one belongs to: a contract and an order to their customer.

ALTER TABLE customer.idents ADD COLUMN holder uuid;
CREATE INDEX idents_holder ON customer.idents (holder, kind) WHERE holder IS NOT NULL;

ALTER TABLE billing.idents ADD COLUMN holder uuid;
CREATE INDEX idents_holder ON billing.idents (holder, kind) WHERE holder IS NOT NULL;
