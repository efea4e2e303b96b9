-- What the past of the read models is found by (infrastructure/src/read_models/past, docs/adr/0021-time-travel.md).
--
-- All but the last are of few events: messages are in none of them.

-- The last event of a kind that a chat had up to a position: its row is made of the last of each kind.
CREATE INDEX events_of_chats ON events (workspace_id, aggregate_id, event_type, position)
    WHERE aggregate_type = 'chat';
-- What had a name, and may have another one now, or be gone.
CREATE INDEX events_that_name ON events (workspace_id, (payload ->> 'name'), position)
    WHERE event_type IN ('instance.registered', 'instance.renamed');
-- What was there and is gone since.
CREATE INDEX events_that_end ON events (workspace_id, aggregate_type, position)
    WHERE event_type IN ('customer.deleted', 'customer.erased', 'instance.deleted');
-- The last message of a chat up to a position. Times are those of several servers' clocks, and need not have the order
-- of positions.
CREATE INDEX messages_in_log_order ON messages (workspace_id, generation, chat_id, created_position);
