-- How Postgres finds events (docs/adr/0025-plans.md).

-- Every index of the log begins with the workspace. Of a workspace that the statistics have not seen Postgres believes
-- that it has no events, so that each of them would do, and reads all of the workspace for one event. Without statistics
-- of the column it takes every workspace for one in two hundred, and the index that fits best wins. To set the type that
-- it has drops what statistics there are.
ALTER TABLE events ALTER COLUMN workspace_id TYPE uuid, ALTER COLUMN workspace_id SET STATISTICS 0;
