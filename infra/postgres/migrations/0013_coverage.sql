-- Coverage: every line that bills something of a contract, and every line that takes such a one back.

SET LOCAL search_path TO projections, public;

-- contracts.py: read by coverage.py. The projection has a new version and is built anew.
CREATE TABLE contract_bills (
    contract_id       uuid    NOT NULL,
    document_id       uuid    NOT NULL,
    line              integer NOT NULL,
    document_number   text    NOT NULL,
    item_ident        text    NOT NULL,
    first_day         date    NOT NULL,
    last_day          date    NOT NULL,
    issued_on         date    NOT NULL,
    usage             json,
    credited_document uuid,
    credited_line     integer,
    bill_again        boolean NOT NULL,
    PRIMARY KEY (contract_id, document_id, line)
);
COMMENT ON COLUMN contract_bills.credited_line IS 'Set where the line takes back one of an earlier document.';

GRANT SELECT, INSERT, UPDATE, DELETE ON contract_bills TO kontor_service;
