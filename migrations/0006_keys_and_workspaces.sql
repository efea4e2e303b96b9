-- Keys that are rotated, workspaces as rows, and what is counted of both.

ALTER TABLE api_keys
    -- The ends of the secret, to tell keys apart.
    ADD COLUMN prefix                 text,
    -- The secret before the last rotation, and until when it works.
    ADD COLUMN previous_secret_sha256 text COLLATE "C",
    ADD COLUMN previous_until         timestamptz,
    ADD COLUMN rotated_at             timestamptz;
-- A key's version counts its own events, and until now it had one.
UPDATE api_keys SET version = 1;
CREATE INDEX api_keys_by_previous_secret ON api_keys (previous_secret_sha256)
    WHERE previous_secret_sha256 IS NOT NULL;
CREATE INDEX api_keys_by_creation ON api_keys (workspace_id, generation, created_position);

-- A read model: one row a workspace, whose id is the workspace's.
CREATE TABLE workspaces (
    workspace_id     uuid        NOT NULL,
    generation       integer     NOT NULL,
    id               uuid        NOT NULL,
    slug             text COLLATE "C" NOT NULL,
    name             text,
    plan             text COLLATE "C" NOT NULL,
    status           text COLLATE "C" NOT NULL,
    suspended_reason text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          bigint      NOT NULL,
    -- What the list of all is sorted by, since positions are a workspace's own: the microsecond of its creation, and
    -- ten bits of its id, so that two of one microsecond differ.
    creation_order   bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
);
CREATE INDEX workspaces_by_creation ON workspaces (creation_order);

-- Those that there are. Their events hold nothing personal, so the rows can be made here.
INSERT INTO workspaces (workspace_id, generation, id, slug, plan, status, created_at, updated_at, version, creation_order)
SELECT h.workspace_id, h.generation, h.workspace_id, made.payload->>'slug',
    coalesce(changed.payload->>'plan', made.payload->>'plan'), 'active',
    made.timestamp, coalesce(changed.timestamp, made.timestamp), s.version,
    ((extract(epoch FROM made.timestamp) * 1000000)::bigint << 10)
        | (('x' || right(h.workspace_id::text, 3))::bit(12)::int & 1023)
FROM heads h
JOIN events made ON made.workspace_id = h.workspace_id AND made.position = 1 AND made.event_type = 'workspace.created'
JOIN streams s ON s.workspace_id = h.workspace_id AND s.aggregate_type = 'workspace'
LEFT JOIN LATERAL (
    SELECT e.payload, e.timestamp FROM events e
    WHERE e.workspace_id = h.workspace_id AND e.aggregate_type = 'workspace' AND e.aggregate_id = s.aggregate_id
        AND e.event_type = 'workspace.plan_changed'
    ORDER BY e.sequence DESC LIMIT 1
) changed ON true;

-- When a key was last shown. No event and no read model: noted at most once a minute, and lost with a server that
-- dies before it notes it.
CREATE TABLE key_uses (
    workspace_id uuid        NOT NULL,
    key_id       uuid        NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, key_id)
) WITH (fillfactor = 50);

-- How many events of the kinds that usage is made of there were on each day (UTC), counted up to a position when
-- somebody asks (infrastructure/src/usage.rs).
CREATE TABLE usage_positions (
    workspace_id uuid   PRIMARY KEY,
    position     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE usage_days (
    workspace_id uuid   NOT NULL,
    day          date   NOT NULL,
    event_type   text   COLLATE "C" NOT NULL,
    events       bigint NOT NULL,
    PRIMARY KEY (workspace_id, day, event_type)
) WITH (fillfactor = 80);
