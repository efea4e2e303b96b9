-- The generations of the read models (0002): which there are, what filled them, and how far those are that are filled
-- aside (infrastructure/src/projections tells the story).
--
-- `heads.generation` decides which one is written and read; here is what else must be known of each:
--   live      the one in service: appends fill it
--   filling   a rebuild fills it; it will be live
--   checking  a verification fills it, to compare the live one with; it will be retired
--   retired   out of service: its rows are being deleted, and then its entry
CREATE TABLE generations (
    workspace_id uuid        NOT NULL,
    generation   integer     NOT NULL,
    state        text COLLATE "C" NOT NULL CHECK (state IN ('live', 'filling', 'checking', 'retired')),
    -- By what its rows were made: of each projection the version and a hash of its tables' columns.
    definitions  jsonb       NOT NULL,
    -- Filled aside: up to which event.
    position     bigint      NOT NULL DEFAULT 0,
    -- Filled aside: the head's count of erasures when that began. Another count, and it begins again.
    erasures     bigint      NOT NULL DEFAULT 0,
    -- A verification that has not moved for a while has died.
    moved_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (workspace_id, generation)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX generations_live ON generations (workspace_id) WHERE state = 'live';
-- Rebuilds of the same workspace that run together fill the same one.
CREATE UNIQUE INDEX generations_filling ON generations (workspace_id) WHERE state = 'filling';

-- Nobody has recorded by what the rows there are were made: they count as made by something else.
INSERT INTO generations (workspace_id, generation, state, definitions)
SELECT workspace_id, generation, 'live', '{}' FROM heads WHERE position > 0;
