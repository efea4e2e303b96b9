-- What lists are found and sorted by (infrastructure/src/read_models/reads/listing tells how).
--
-- Every index that has an order ends in what the list is sorted by and a log position, which is unique. None is on a
-- column of messages that changes with a receipt: such an update stays off all indexes.

DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'Interflow needs a database with the encoding UTF8, and this one has %', getdatabaseencoding();
    END IF;
END
$$;

-- Both come with PostgreSQL's contrib modules, and have been trusted since version 13: whoever may create in the
-- database may create them.
DO $$
DECLARE
    extension text;
BEGIN
    FOREACH extension IN ARRAY ARRAY['pg_trgm', 'btree_gin'] LOOP
        BEGIN
            EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', extension);
        EXCEPTION WHEN OTHERS THEN
            RAISE EXCEPTION 'Interflow needs the extension %, and it could not be created: %', extension, SQLERRM
                USING HINT = format('Install PostgreSQL''s contrib modules, or have an administrator run "CREATE EXTENSION %I" in this database, and start again.', extension);
        END;
    END LOOP;
END
$$;

-- A text without regard to case and accents of Latin letters, the same in every locale.
CREATE FUNCTION folded(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT lower(regexp_replace(normalize(value, NFD) COLLATE "C", '[\u0300-\u036f]', '', 'g')) $$;

DROP INDEX customers_by_creation;
CREATE INDEX customers_by_creation ON customers (workspace_id, generation, created_at, created_position);
CREATE INDEX customers_by_update ON customers (workspace_id, generation, updated_at, created_position);
-- Those without a name come last. An entry of an index is bounded, a folded name of 200 characters is not enough so.
CREATE INDEX customers_by_name ON customers
    (workspace_id, generation, (coalesce('0' || left(folded(name), 100), '1') COLLATE "C"), created_position);
CREATE INDEX customers_by_phone ON customers (workspace_id, generation, phone, created_position)
    WHERE phone IS NOT NULL;
CREATE INDEX customers_by_email ON customers
    (workspace_id, generation, (lower(email COLLATE "C")), created_position) WHERE email IS NOT NULL;
CREATE INDEX customers_by_external_id ON customers (workspace_id, generation, external_id, created_position)
    WHERE external_id IS NOT NULL;
-- Labels and words. With the workspace in it, a search reads nothing of its neighbours. What was written last waits in
-- a list of at most gin_pending_list_limit (4 MB) that every search reads: worked off in bulk it halves what a change
-- of a customer costs. The operators may be in a schema of their own.
DO $$
BEGIN
    EXECUTE format(
        'CREATE INDEX customers_by_words ON customers USING gin (workspace_id, tags, (folded('' '' '
            '|| coalesce(name, '''') || '' '' || coalesce(email, '''') || '' '' || coalesce(phone, '''') || '' '' '
            '|| coalesce(external_id, ''''))) %I.gin_trgm_ops) WITH (fastupdate = on)',
        (SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_trgm'));
END
$$;

DROP INDEX chats_by_activity, chats_by_customer;
CREATE INDEX chats_by_activity ON chats (workspace_id, generation, updated_at, touched_position);
CREATE INDEX chats_by_creation ON chats (workspace_id, generation, created_at, created_position);
CREATE INDEX chats_by_customer ON chats (workspace_id, generation, customer_id, updated_at, touched_position);
CREATE INDEX chats_by_channel ON chats (workspace_id, generation, instance_id, updated_at, touched_position);
CREATE INDEX chats_by_status ON chats (workspace_id, generation, status, updated_at, touched_position);
CREATE INDEX chats_by_assignee ON chats
    (workspace_id, generation, (coalesce(assignee, '')), updated_at, touched_position);
CREATE INDEX chats_unread ON chats (workspace_id, generation, updated_at, touched_position) WHERE unread_count > 0;

DROP INDEX messages_by_chat;
CREATE INDEX messages_by_chat ON messages (workspace_id, generation, chat_id, created_at, created_position);
CREATE INDEX messages_by_creation ON messages (workspace_id, generation, created_at, created_position);
CREATE INDEX messages_by_channel ON messages (workspace_id, generation, instance_id, created_at, created_position);
CREATE INDEX messages_by_customer ON messages (workspace_id, generation, customer_id, created_at, created_position);
CREATE INDEX messages_failed ON messages (workspace_id, generation, created_at, created_position)
    WHERE failed_at IS NOT NULL;
