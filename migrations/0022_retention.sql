-- Contents of old messages are forgotten (infrastructure/src/retention.rs).

-- After how many days; never when absent.
ALTER TABLE workspaces ADD COLUMN message_retention_days integer CHECK (message_retention_days > 0);

-- The keys of contents of messages that are still there, the oldest months first.
CREATE INDEX data_keys_of_messages ON data_keys (workspace_id, month, subject)
    WHERE destroyed_at IS NULL AND subject LIKE '%/messages';
