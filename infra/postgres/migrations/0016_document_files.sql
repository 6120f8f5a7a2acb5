-- Files of documents: the XML as it is legally stored, and what is still to be rendered.

SET LOCAL search_path TO billing;

-- The bytes of each XML, compressed, then sealed under the customer's key for documents. What was stored stays: the
-- document's events say which hash it must have.
CREATE TABLE document_files (
    document_id uuid  NOT NULL,
    file        text  NOT NULL CHECK (file IN ('ZUGFERD', 'XRECHNUNG', 'XRECHNUNG_UBL')),
    content     bytea NOT NULL,
    PRIMARY KEY (document_id, file)
);
ALTER TABLE document_files ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE document_files ALTER COLUMN content SET STATISTICS 0;

CREATE FUNCTION refuse_change_of_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'files of documents are never changed or removed: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER document_files_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON document_files
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_files();
ALTER TABLE document_files ENABLE ALWAYS TRIGGER document_files_are_append_only;

GRANT SELECT, INSERT ON document_files TO kontor_service;

-- Issued documents whose files are not recorded yet, by the position of their issue in billing's log, and on whose
-- behalf they were issued; a queue, which an audit does not compare.
CREATE TABLE documents_to_render (
    document_id    uuid    PRIMARY KEY,
    position       bigint  NOT NULL,
    actor          text    NOT NULL,
    correlation_id uuid    NOT NULL,
    causation_id   uuid    NOT NULL,
    parked_because text
);
CREATE INDEX documents_to_render_next ON documents_to_render (position) WHERE parked_because IS NULL;

-- How often a renderer has begun each of them: more than once, if none came to an end. Apart from the queue, as it is
-- counted while the document is locked there.
CREATE TABLE rendering_attempts (
    document_id uuid    PRIMARY KEY,
    begun       integer NOT NULL
);

-- How far billing's own log was looked through for documents to render: from its beginning.
INSERT INTO feed_positions VALUES ('billing', 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON documents_to_render, rendering_attempts TO kontor_service;

SET LOCAL search_path TO projections, public;

-- documents.py: the files of a document, once they were made. The projection has a new version and is built anew.
CREATE TABLE document_files (
    document_id uuid PRIMARY KEY,
    files       json NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON document_files TO kontor_service;
