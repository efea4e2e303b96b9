-- The event log, and what is appended with it. docs/adr and infrastructure/src/event_log tell the story.
--
-- Every key starts with workspace_id, so that the tables can be distributed by it without a redesign. Texts that are
-- only compared for equality collate "C".

-- One row a workspace. Whoever appends, creates or destroys a data key, or takes over a lease locks it first
-- (FOR UPDATE), before any other row: positions have no gap, and position order is commit order.
CREATE TABLE heads (
    workspace_id uuid    PRIMARY KEY,
    position     bigint  NOT NULL DEFAULT 0 CHECK (position >= 0),
    -- The generation of the read models that appends must write.
    generation   integer NOT NULL DEFAULT 1 CHECK (generation > 0),
    -- Counts destructions of data keys: a process that has seen fewer must not seal with the keys it remembers.
    erasures     bigint  NOT NULL DEFAULT 0 CHECK (erasures >= 0)
) WITH (fillfactor = 50);

CREATE TABLE streams (
    workspace_id   uuid   NOT NULL,
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    version        bigint NOT NULL CHECK (version > 0),
    PRIMARY KEY (workspace_id, aggregate_type, aggregate_id)
) WITH (fillfactor = 85);

-- A superset of the table of postgres-es, which must be able to load what we write. `json`, not jsonb: the stored
-- bytes are what is hashed and proved.
CREATE TABLE events (
    workspace_id   uuid        NOT NULL,
    position       bigint      NOT NULL CHECK (position > 0),
    event_id       uuid        NOT NULL,
    aggregate_type text        COLLATE "C" NOT NULL,
    aggregate_id   text        COLLATE "C" NOT NULL,
    sequence       bigint      NOT NULL CHECK (sequence > 0),
    event_type     text        COLLATE "C" NOT NULL,
    event_version  text        COLLATE "C" NOT NULL,
    payload        json        NOT NULL,
    metadata       json        NOT NULL,
    timestamp      timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, position),
    UNIQUE (workspace_id, aggregate_type, aggregate_id, sequence)
);

CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();
-- Also for a session that replicates.
ALTER TABLE events ENABLE ALWAYS TRIGGER events_are_append_only;

-- What must be unique in a workspace, by a keyed hash.
CREATE TABLE claims (
    workspace_id uuid  NOT NULL,
    kind         text  COLLATE "C" NOT NULL,
    value_hash   bytea NOT NULL,
    owner_type   text  COLLATE "C" NOT NULL,
    owner_id     text  COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, kind, value_hash)
);

-- Idempotency keys, written with the change they asked for; the answer follows once it is known, its body sealed.
CREATE TABLE commands (
    workspace_id  uuid        NOT NULL,
    command_id    bytea       NOT NULL,
    request_hash  bytea       NOT NULL,
    resource_kind text        COLLATE "C" NOT NULL,
    resource_id   uuid        NOT NULL,
    status        smallint,
    headers       json,
    body          bytea,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, command_id),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX commands_by_expiry ON commands (expires_at);

-- Sends that are to be carried out, in the order of their chats.
CREATE TABLE outbox (
    workspace_id    uuid        NOT NULL,
    message_id      uuid        NOT NULL,
    instance_id     uuid        NOT NULL,
    chat_id         uuid        NOT NULL,
    position        bigint      NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,
    deadline        timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, message_id)
);
CREATE INDEX outbox_by_position ON outbox (workspace_id, instance_id, position);
CREATE INDEX outbox_by_next_attempt ON outbox (workspace_id, instance_id, next_attempt_at)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX outbox_by_deadline ON outbox (deadline);
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Which node is alive, on the database's clock, and which owns an instance's session.
CREATE TABLE nodes (
    node_id      uuid        PRIMARY KEY,
    heartbeat_at timestamptz NOT NULL
);

CREATE TABLE leases (
    workspace_id uuid   NOT NULL,
    instance_id  uuid   NOT NULL,
    node_id      uuid   NOT NULL,
    epoch        bigint NOT NULL CHECK (epoch > 0),
    PRIMARY KEY (workspace_id, instance_id)
);
CREATE INDEX leases_by_node ON leases (node_id);

-- The keys of personal data, one a subject and calendar month, wrapped under the master key. A destroyed one stays as
-- a row without its key: what was sealed under it reads as erased. Whoever destroys one locks the head and adds one
-- to its `erasures`.
CREATE TABLE data_keys (
    workspace_id uuid NOT NULL,
    key_id       uuid NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    month        date NOT NULL,
    wrapped      bytea,
    destroyed_at timestamptz,
    PRIMARY KEY (workspace_id, key_id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
-- A subject that comes back after its keys were destroyed gets a new one, also within the month.
CREATE UNIQUE INDEX data_keys_in_use ON data_keys (workspace_id, subject, month) WHERE destroyed_at IS NULL;
