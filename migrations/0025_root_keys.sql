-- The root keys of the database: what everything in it is sealed and found by, wrapped under the master key
-- (infrastructure/src/keyring, docs/adr/0023-the-master-key.md). One row; two while the master key is being rotated.
CREATE TABLE root_keys (
    generation smallint PRIMARY KEY CHECK (generation > 0),
    wrapped    bytea    NOT NULL
);

-- Under which of them a data key is wrapped.
ALTER TABLE data_keys ADD COLUMN sealed_by smallint NOT NULL DEFAULT 1;
