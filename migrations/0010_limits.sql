-- How many requests a workspace has made in its window, and how they are divided among its keys
-- (docs/adr/0013-limits-by-window-and-share.md tells the rule).
--
-- Unlogged: a request that is counted waits for no disk. When Postgres crashes the tables are empty, and every
-- workspace begins a new window; nothing else is lost with them.

-- The window of a workspace. It begins with the first request after the one before has ended.
CREATE UNLOGGED TABLE request_windows (
    workspace_id uuid        PRIMARY KEY,
    ends_at      timestamptz NOT NULL,
    -- By which quota it was divided. Another one takes effect at once.
    quota        integer     NOT NULL,
    -- What any key may still draw. Below zero after a change to a smaller quota.
    pool         integer     NOT NULL
) WITH (fillfactor = 50);

-- The keys that asked in this window or in the one before.
CREATE UNLOGGED TABLE request_shares (
    workspace_id uuid    NOT NULL,
    key_id       uuid    NOT NULL,
    -- What was admitted of it in this window.
    used         integer NOT NULL DEFAULT 0,
    -- What is still set aside for it in this window, out of everybody else's reach.
    kept         integer NOT NULL DEFAULT 0,
    -- Whether it asked for more than it got in this window.
    refused      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, key_id)
) WITH (fillfactor = 50);

-- Counts a request of a key against its workspace's quota, and says whether it is admitted, how many more the key may
-- make in this window, and when that ends, in seconds. Whoever counts for the same workspace waits for the lock on its
-- window; what the statements after that see is what the one before has left.
CREATE FUNCTION count_request(
    workspace uuid, caller uuid, allowed integer,
    OUT admitted boolean, OUT remaining integer, OUT resets_in double precision
) LANGUAGE plpgsql AS $$
DECLARE
    length CONSTANT interval := '1 minute';
    present request_windows%ROWTYPE;
    moment timestamptz;
    share integer;
    mine integer;
BEGIN
    LOOP
        SELECT * INTO present FROM request_windows WHERE workspace_id = workspace FOR UPDATE;
        EXIT WHEN FOUND;
        INSERT INTO request_windows (workspace_id, ends_at, quota, pool)
            VALUES (workspace, '-infinity', allowed, allowed) ON CONFLICT DO NOTHING;
    END LOOP;
    moment := clock_timestamp();
    -- Or the clock was set back by more than a window.
    IF moment >= present.ends_at OR moment < present.ends_at - length THEN
        -- What was asked for longer ago than in the window before says nothing.
        DELETE FROM request_shares WHERE workspace_id = workspace
            AND ((used = 0 AND NOT refused) OR moment >= present.ends_at + length);
        SELECT allowed / greatest(count(*), 1) INTO share FROM request_shares WHERE workspace_id = workspace;
        UPDATE request_shares
            SET kept = CASE WHEN refused THEN share ELSE least(used, share) END, used = 0, refused = false
            WHERE workspace_id = workspace;
        SELECT allowed - coalesce(sum(kept), 0) INTO present.pool FROM request_shares
            WHERE workspace_id = workspace;
        present.ends_at := moment + length;
    ELSIF allowed <> present.quota THEN
        UPDATE request_shares SET kept = 0 WHERE workspace_id = workspace;
        SELECT allowed - coalesce(sum(used), 0) INTO present.pool FROM request_shares
            WHERE workspace_id = workspace;
    END IF;

    INSERT INTO request_shares (workspace_id, key_id) VALUES (workspace, caller) ON CONFLICT DO NOTHING;
    SELECT kept INTO mine FROM request_shares WHERE workspace_id = workspace AND key_id = caller;
    admitted := mine > 0 OR present.pool > 0;
    IF mine > 0 THEN
        mine := mine - 1;
    ELSIF admitted THEN
        present.pool := present.pool - 1;
    END IF;
    UPDATE request_shares
        SET kept = mine, used = used + admitted::integer, refused = refused OR NOT admitted
        WHERE workspace_id = workspace AND key_id = caller;
    UPDATE request_windows SET ends_at = present.ends_at, quota = allowed, pool = present.pool
        WHERE workspace_id = workspace;
    remaining := mine + greatest(present.pool, 0);
    resets_in := extract(epoch FROM present.ends_at - moment);
END
$$;
