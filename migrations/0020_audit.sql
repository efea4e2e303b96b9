-- What auditors look for, and who has seen what (docs/adr/0018-the-audit.md).

-- Each finds, in the order of positions, the events that one condition lets through. What events are recorded with is in
-- `metadata`, also of those from before there were these.
CREATE INDEX events_by_type ON events (workspace_id, event_type, position);
CREATE INDEX events_by_actor ON events (workspace_id, ((metadata ->> 'actor') COLLATE "C"), position);
CREATE INDEX events_by_correlation ON events (workspace_id, ((metadata ->> 'correlation_id') COLLATE "C"), position);

-- One row for a minute in which somebody saw something through a server process, however often.
CREATE SEQUENCE audit_reads_numbers;
CREATE TABLE audit_reads (
    workspace_id uuid        NOT NULL,
    -- The minute, in minutes of the Unix epoch, and 38 bits of a number: in the order of minutes, and unique.
    place        bigint      NOT NULL CHECK (place >= 0),
    minute       timestamptz NOT NULL,
    -- Who, as events name actors.
    actor        text        COLLATE "C" NOT NULL,
    -- What: a kind of resource or list, and what of it where that has a name.
    resource     text        COLLATE "C" NOT NULL,
    resource_id  text        COLLATE "C" NOT NULL,
    -- The run of a process that counts here: it writes its counts and does not add to them, so writing twice is no harm.
    writer       uuid        NOT NULL,
    reads        bigint      NOT NULL CHECK (reads > 0),
    -- How many entries of lists were shown.
    items        bigint      NOT NULL CHECK (items >= 0),
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    -- From where, the first few.
    addresses    inet[]      NOT NULL,
    PRIMARY KEY (workspace_id, place),
    UNIQUE (workspace_id, minute, actor, resource, resource_id, writer)
) WITH (fillfactor = 60);
CREATE INDEX audit_reads_by_actor ON audit_reads (workspace_id, actor, place);
CREATE INDEX audit_reads_by_resource ON audit_reads (workspace_id, resource_id, place) WHERE resource_id <> '';
ALTER TABLE audit_reads SET (autovacuum_vacuum_scale_factor = 0.05);
