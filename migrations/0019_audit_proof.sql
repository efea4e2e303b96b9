-- The proof of the logs: their Merkle trees, and who signs them (docs/adr/0019-a-provable-log.md).

-- One row a workspace, from when its log is first sealed. Whoever seals or signs locks it first: one at a time.
CREATE TABLE audit_logs (
    workspace_id  uuid        PRIMARY KEY,
    -- Which tree it is, in every checkpoint and every name of a key.
    origin        text        COLLATE "C" NOT NULL,
    -- Events up to this position are in the tree.
    size          bigint      NOT NULL DEFAULT 0 CHECK (size >= 0),
    -- The latest checkpoint, signed.
    checkpoint    text        COLLATE "C",
    signed_at     timestamptz,
    CHECK ((checkpoint IS NULL) = (signed_at IS NULL))
) WITH (fillfactor = 50);

-- The hashes of the tree: up to 256 side by side of every eighth level.
CREATE TABLE audit_tiles (
    workspace_id uuid     NOT NULL,
    level        smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    index        bigint   NOT NULL CHECK (index >= 0),
    hashes       bytea    NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (workspace_id, level, index)
);
-- Hashes do not compress.
ALTER TABLE audit_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE FUNCTION audit_tiles_only_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND length(NEW.hashes) >= length(OLD.hashes)
        AND substr(NEW.hashes, 1, length(OLD.hashes)) = OLD.hashes
        AND (NEW.workspace_id, NEW.level, NEW.index) = (OLD.workspace_id, OLD.level, OLD.index) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the tree of a log only grows: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_tiles_only_grow BEFORE UPDATE OR DELETE ON audit_tiles
    FOR EACH ROW EXECUTE FUNCTION audit_tiles_only_grow();
CREATE TRIGGER audit_tiles_are_not_emptied BEFORE TRUNCATE ON audit_tiles
    FOR EACH STATEMENT EXECUTE FUNCTION audit_tiles_only_grow();
ALTER TABLE audit_tiles ENABLE ALWAYS TRIGGER audit_tiles_only_grow;
ALTER TABLE audit_tiles ENABLE ALWAYS TRIGGER audit_tiles_are_not_emptied;

-- The Ed25519 keys that sign checkpoints. A key that has retired stays without its private half.
CREATE TABLE audit_keys (
    workspace_id uuid        NOT NULL,
    public_key   bytea       NOT NULL CHECK (length(public_key) = 32),
    sealed       bytea,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- When it stops signing; a newer one signs besides until then.
    retires_at   timestamptz,
    PRIMARY KEY (workspace_id, public_key),
    CHECK (sealed IS NOT NULL OR retires_at IS NOT NULL)
);

-- Checkpoints that are kept: what was anchored outside, and what both keys have signed when one took over.
CREATE TABLE audit_checkpoints (
    workspace_id uuid        NOT NULL,
    size         bigint      NOT NULL CHECK (size > 0),
    signed_at    timestamptz NOT NULL,
    note         text        COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, size, signed_at)
);
