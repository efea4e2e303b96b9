-- Webhook endpoints, who delivers for which, and their deliveries. docs/adr/0015-webhook-delivery.md tells the story.

-- A read model: how an endpoint stands. What it is holds secrets, and is in its stream alone.
CREATE TABLE webhooks (
    workspace_id       uuid        NOT NULL,
    generation         integer     NOT NULL,
    id                 uuid        NOT NULL,
    status             text COLLATE "C" NOT NULL,
    reason             text COLLATE "C",
    origin             text COLLATE "C" NOT NULL,
    -- Where in the log it starts: a position, or the first event of a time.
    start_position     bigint,
    start_time         timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    version            bigint      NOT NULL,
    created_position   bigint      NOT NULL,
    -- The event that created or enabled it: what its breaker knew before that counts no more.
    activated_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
) WITH (fillfactor = 70);
CREATE INDEX webhooks_by_creation ON webhooks (workspace_id, generation, created_position);

-- How far an endpoint is, and which node delivers for it. Whoever changes anything of its deliveries changes this row
-- first, in the same transaction: so an owner that was given up for dead writes nothing, and counts are right.
CREATE TABLE webhook_cursors (
    workspace_id       uuid        NOT NULL,
    webhook_id         uuid        NOT NULL,
    node_id            uuid        NOT NULL,
    epoch              bigint      NOT NULL CHECK (epoch > 0),
    -- Up to which event its deliveries were made.
    position           bigint      NOT NULL CHECK (position >= 0),
    open               integer     NOT NULL DEFAULT 0 CHECK (open >= 0),
    breaker            jsonb,
    throttled_until    timestamptz,
    activated_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, webhook_id)
) WITH (fillfactor = 50);

-- The lines in which deliveries stand: those of one chat, or of one aggregate that belongs to no chat.
CREATE TABLE webhook_lanes (
    workspace_id  uuid        NOT NULL,
    webhook_id    uuid        NOT NULL,
    lane          text COLLATE "C" NOT NULL,
    -- The last number that was given to a delivery: what its receiver sees.
    last_sequence bigint      NOT NULL,
    -- The last place in line that was given, and the one whose turn it is.
    last_turn     bigint      NOT NULL,
    next_turn     bigint      NOT NULL DEFAULT 1,
    -- When that one may be tried.
    due_at        timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, webhook_id, lane)
) WITH (fillfactor = 50);
CREATE INDEX webhook_lanes_due ON webhook_lanes (workspace_id, webhook_id, due_at) WHERE next_turn <= last_turn;

CREATE TABLE webhook_deliveries (
    workspace_id uuid        NOT NULL,
    id           uuid        NOT NULL,
    webhook_id   uuid        NOT NULL,
    event_id     uuid        NOT NULL,
    position     bigint      NOT NULL,
    event_type   text COLLATE "C" NOT NULL,
    lane         text COLLATE "C" NOT NULL,
    sequence     bigint      NOT NULL,
    -- Its place in line, while it is open.
    turn         bigint,
    status       text COLLATE "C" NOT NULL,
    -- Attempts in all, and those of the schedule that it is on.
    attempts     integer     NOT NULL DEFAULT 0,
    tries        integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    settled_at   timestamptz,
    PRIMARY KEY (workspace_id, id),
    -- An event has one place: this is one delivery an endpoint and event.
    UNIQUE (workspace_id, webhook_id, position),
    CHECK ((turn IS NULL) = (settled_at IS NOT NULL) AND (turn IS NOT NULL) = (status = 'pending'))
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX webhook_deliveries_in_line ON webhook_deliveries (workspace_id, webhook_id, lane, turn)
    WHERE turn IS NOT NULL;
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (workspace_id, webhook_id, position)
    WHERE status = 'failed';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    workspace_id uuid        NOT NULL,
    delivery_id  uuid        NOT NULL,
    number       integer     NOT NULL,
    at           timestamptz NOT NULL,
    by_hand      boolean     NOT NULL,
    status       smallint,
    error        text COLLATE "C",
    headers      json        NOT NULL,
    body         bytea       NOT NULL,
    took_ms      integer     NOT NULL,
    PRIMARY KEY (workspace_id, delivery_id, number)
);
CREATE INDEX webhook_attempts_by_age ON webhook_attempts (at);

-- A stretch of the log that is read for an endpoint once more; at most one an endpoint.
CREATE TABLE webhook_replays (
    workspace_id uuid    NOT NULL,
    webhook_id   uuid    NOT NULL,
    job_id       uuid    NOT NULL,
    position     bigint  NOT NULL,
    until        bigint  NOT NULL,
    failed_only  boolean NOT NULL,
    queued       bigint  NOT NULL DEFAULT 0,
    begun_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, webhook_id)
) WITH (fillfactor = 50);

ALTER TABLE webhook_lanes SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
ALTER TABLE webhook_deliveries SET (autovacuum_vacuum_scale_factor = 0.05);
