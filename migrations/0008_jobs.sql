-- Jobs, and the pace of bulk messages.

-- What a job's row counts moves with the events of its messages: progress is read, not computed.
CREATE TABLE jobs (
    workspace_id     uuid        NOT NULL,
    generation       integer     NOT NULL,
    id               uuid        NOT NULL,
    kind             text COLLATE "C" NOT NULL,
    status           text COLLATE "C" NOT NULL,
    instance_id      uuid,
    -- How many the call brought.
    items            integer     NOT NULL,
    accepted         integer     NOT NULL,
    rejected         integer     NOT NULL,
    takes_items      boolean     NOT NULL,
    -- Where the accepted items are, each counted once.
    queued           integer     NOT NULL,
    sent             integer     NOT NULL,
    delivered        integer     NOT NULL,
    read             integer     NOT NULL,
    failed           integer     NOT NULL,
    cancelled        integer     NOT NULL,
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    version          bigint      NOT NULL,
    created_position bigint      NOT NULL,
    -- The position of the job's last event, or of the last one of its items.
    touched_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
) WITH (fillfactor = 70);
CREATE INDEX jobs_by_creation ON jobs (workspace_id, generation, created_position);
-- What every server looks after.
CREATE INDEX jobs_unfinished ON jobs (created_at) WHERE finished_at IS NULL;

ALTER TABLE messages ADD COLUMN job_id uuid;
-- No message has one yet, so there is nothing to sort, and the lock lasts no longer than one reading of the table.
CREATE INDEX messages_by_job ON messages (workspace_id, generation, job_id, created_position)
    WHERE job_id IS NOT NULL;

-- A bulk message waits for its turn, however long that takes; from then on its patience counts, and it is a send like
-- any other. Single sends have no turn to wait for.
ALTER TABLE outbox ADD COLUMN waits_turn boolean NOT NULL DEFAULT false;
ALTER TABLE outbox ADD COLUMN patience_ms bigint;
CREATE INDEX outbox_by_turn ON outbox (workspace_id, instance_id, waits_turn, position);
-- The one above has it in it, but for those who wait.
DROP INDEX outbox_by_position;

-- When the next bulk message of an instance may have its turn.
CREATE TABLE bulk_paces (
    workspace_id uuid        NOT NULL,
    instance_id  uuid        NOT NULL,
    next_turn_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, instance_id)
) WITH (fillfactor = 50);
