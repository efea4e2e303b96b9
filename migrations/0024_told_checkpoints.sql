-- Whether the log itself tells of a kept checkpoint, and so webhooks, the feed and the streams. Those that were kept before
-- there was this are told too, once.
ALTER TABLE audit_checkpoints ADD COLUMN told boolean NOT NULL DEFAULT false;
CREATE INDEX audit_checkpoints_untold ON audit_checkpoints (workspace_id, size, signed_at) WHERE NOT told;
