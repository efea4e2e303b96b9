-- The keys of the linked WhatsApp devices: identities, ratchets, pre-keys, app state, mappings.
--
-- These are mutable secrets and no events. One table, written by interflow-whatsapp-web alone (src/store):
--   kind   what the row is (src/store/kind.rs numbers them)
--   key    what it is found by: a keyed hash, or a protocol id that says nothing about a person
--   scope  what several rows are found by together: a keyed hash too
--   value  sealed with XChaCha20-Poly1305, bound to (workspace, instance, kind, key): copied elsewhere it does not open
--   stamp, until  seconds of the Unix epoch for the sweeps; what each means is said at the kind
--
-- No phone number, JID, message id or key is in clear. Every write is conditional on the lease's epoch (leases, 0001).
CREATE TABLE wa_keys (
    workspace_id uuid     NOT NULL,
    instance_id  uuid     NOT NULL,
    kind         smallint NOT NULL,
    key          bytea    NOT NULL,
    scope        bytea,
    value        bytea    NOT NULL,
    stamp        bigint   NOT NULL DEFAULT 0,
    until        bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, instance_id, kind, key)
) WITH (fillfactor = 80);

CREATE INDEX wa_keys_by_scope ON wa_keys (workspace_id, instance_id, kind, scope) WHERE scope IS NOT NULL;

-- A ratchet row is rewritten with every message: vacuum by count, not by share of a table of many devices.
ALTER TABLE wa_keys SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE wa_keys ALTER COLUMN value SET STORAGE EXTERNAL; -- ciphertext does not compress
