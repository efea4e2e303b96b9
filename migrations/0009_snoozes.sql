-- Until when a chat is put aside, where a time was given (read_models/conversations). Whoever wakes chats whose time has
-- come looks over all workspaces.
ALTER TABLE chats ADD COLUMN snoozed_until timestamptz;
CREATE INDEX chats_by_snooze ON chats (snoozed_until) WHERE snoozed_until IS NOT NULL;
