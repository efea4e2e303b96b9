-- The read models: what the log amounts to, written in the append itself (infrastructure/src/read_models).
--
-- Everything here can be made again from the events. `heads.generation` (0001) names the generation of a workspace's
-- rows that writers write and readers read; a rebuild fills the next one aside. All columns are plaintext; what is
-- personal becomes NULL when its subject is erased.
--   version           how many events the row's aggregate has (its ETag)
--   created_position  the position of the event that made it: unique in a workspace, what lists are sorted by

CREATE TABLE customers (
    workspace_id     uuid        NOT NULL,
    generation       integer     NOT NULL,
    id               uuid        NOT NULL,
    name             text,
    email            text,
    phone            text,
    lid              text,
    external_id      text,
    tags             text[]      NOT NULL,
    -- json, not jsonb: jsonb refuses \u0000 and rewrites numbers, and callers get back what they gave.
    attributes       json,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          bigint      NOT NULL,
    created_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
);
CREATE INDEX customers_by_creation ON customers (workspace_id, generation, created_position);

CREATE TABLE chats (
    workspace_id           uuid        NOT NULL,
    generation             integer     NOT NULL,
    id                     uuid        NOT NULL,
    instance_id            uuid        NOT NULL,
    customer_id            uuid        NOT NULL,
    status                 text COLLATE "C" NOT NULL,
    assignee               text,
    -- Every inbound message of the chat has its number (messages.inbound_ordinal); this is the last one's.
    inbound_count          bigint      NOT NULL,
    unread_count           bigint      NOT NULL,
    last_message_id        uuid,
    last_message_direction text,
    last_message_kind      text,
    last_message_preview   text,
    last_message_at        timestamptz,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    version                bigint      NOT NULL,
    created_position       bigint      NOT NULL,
    -- The position of the chat's last event, or of its last message's first: unique too, what chats are sorted by.
    touched_position       bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
) WITH (fillfactor = 80);
CREATE INDEX chats_by_activity ON chats (workspace_id, generation, touched_position);
CREATE INDEX chats_by_customer ON chats (workspace_id, generation, customer_id) WHERE status <> 'closed';

-- A row changes three times soon after it was made (sent, delivered, read), in no indexed column: room on the page
-- keeps that off the indexes.
CREATE TABLE messages (
    workspace_id     uuid        NOT NULL,
    generation       integer     NOT NULL,
    id               uuid        NOT NULL,
    chat_id          uuid        NOT NULL,
    instance_id      uuid        NOT NULL,
    customer_id      uuid        NOT NULL,
    direction        text COLLATE "C" NOT NULL,
    phone            text,
    kind             text COLLATE "C" NOT NULL,
    content          json,
    status           text COLLATE "C" NOT NULL,
    status_reason    text,
    whatsapp_id      text COLLATE "C" NOT NULL,
    reply_to         uuid,
    -- How many inbound messages its chat had with it: what is unread after it is counted by subtraction.
    inbound_ordinal  bigint      NOT NULL,
    created_at       timestamptz NOT NULL,
    sent_at          timestamptz,
    delivered_at     timestamptz,
    read_at          timestamptz,
    failed_at        timestamptz,
    version          bigint      NOT NULL,
    created_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
) WITH (fillfactor = 80);
CREATE INDEX messages_by_chat ON messages (workspace_id, generation, chat_id, created_position);
-- What a receipt names. Inbound ids are the senders' choice and are not looked up by.
CREATE INDEX messages_by_whatsapp_id ON messages (workspace_id, generation, instance_id, whatsapp_id)
    WHERE direction = 'outbound';
-- A chat belongs to one workspace: without this, the estimate of a long chat's length multiplies the two.
CREATE STATISTICS messages_chat_in_workspace (dependencies) ON workspace_id, generation, chat_id FROM messages;

CREATE TABLE channels (
    workspace_id           uuid        NOT NULL,
    generation             integer     NOT NULL,
    id                     uuid        NOT NULL,
    name                   text COLLATE "C" NOT NULL,
    status                 text COLLATE "C" NOT NULL,
    linked                 boolean     NOT NULL,
    phone                  text,
    profile_name           text,
    last_disconnect_reason text,
    last_disconnect_at     timestamptz,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    version                bigint      NOT NULL,
    created_position       bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
);
CREATE INDEX channels_by_creation ON channels (workspace_id, generation, created_position);
CREATE INDEX channels_by_name ON channels (workspace_id, generation, name);
-- What a server that starts takes up again.
CREATE INDEX channels_alive ON channels (workspace_id, generation) WHERE status <> 'close';

CREATE TABLE api_keys (
    workspace_id     uuid        NOT NULL,
    generation       integer     NOT NULL,
    id               uuid        NOT NULL,
    name             text        NOT NULL,
    scopes           text[]      NOT NULL,
    secret_sha256    text COLLATE "C" NOT NULL,
    origin           text COLLATE "C" NOT NULL,
    expires_at       timestamptz,
    created_at       timestamptz NOT NULL,
    version          bigint      NOT NULL,
    created_position bigint      NOT NULL,
    PRIMARY KEY (workspace_id, generation, id)
);
CREATE INDEX api_keys_by_secret ON api_keys (secret_sha256);
