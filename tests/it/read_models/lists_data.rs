//! A large workspace beside three others that look alike, written set-wise.

use interflow_domain::WorkspaceId;
use sqlx::PgPool;

/// How many customers, and chats, the large workspace has; the others have a tenth each.
pub const CUSTOMERS: i32 = 100_000;

/// How many messages the large workspace has: INTERFLOW_TEST_MESSAGES, or what a usual run has time for.
pub fn messages() -> i32 {
    std::env::var("INTERFLOW_TEST_MESSAGES").map_or(120_000, |number| number.parse().unwrap())
}

/// Without its indexes a table is filled in a fraction of the time.
const TAKE_INDEXES: &str = "CREATE TABLE taken AS SELECT indexname, indexdef FROM pg_indexes \
         WHERE tablename IN ('customers', 'chats', 'messages') AND indexname NOT LIKE '%_pkey'; \
     DO $$ DECLARE name text; BEGIN \
         FOR name IN SELECT indexname FROM taken LOOP EXECUTE 'DROP INDEX ' || name; END LOOP; END $$";
const GIVE_INDEXES: &str = "DO $$ DECLARE definition text; BEGIN \
         FOR definition IN SELECT indexdef FROM taken LOOP EXECUTE definition; END LOOP; END $$";

const SMALL: &str = "INSERT INTO heads (workspace_id) SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, 4) n; \
     INSERT INTO channels (workspace_id, generation, id, name, status, linked, created_at, updated_at, version, \
         created_position) \
     SELECT lpad(to_hex(w), 32, '0')::uuid, 1, lpad(to_hex(n), 32, '0')::uuid, 'channel-' || n, 'open', true, now(), \
         now(), 1, n FROM generate_series(1, 4) w, generate_series(1, 2) n";

/// What changes is in another order than what was created, so that no index is in the order of the table by luck.
const CUSTOMERS_AND_CHATS: &str = "INSERT INTO customers (workspace_id, generation, id, name, email, phone, external_id, \
         tags, created_at, updated_at, version, created_position) \
     SELECT lpad(to_hex(w), 32, '0')::uuid, 1, lpad(to_hex(w * 10000000 + n), 32, '0')::uuid, \
         CASE WHEN n % 10 > 0 THEN (ARRAY['Ana', 'João', 'Maria', 'José', 'Zoë', 'Bruno', 'Carla', 'Davi'])[1 + n % 8] \
             || ' ' || md5(n::text) END, \
         'C' || n || '@Example.com', (5511900000000 + n)::text, 'ext-' || n, \
         CASE WHEN n % 1000 = 0 THEN '{common,rare}' WHEN n % 2 = 0 THEN '{common}' ELSE '{}' END::text[], \
         timestamptz '2026-01-01' + n * interval '1 s', \
         timestamptz '2026-02-01' + (n::bigint * 7919 % 100003) * interval '1 s', 1, n \
     FROM generate_series(1, 4) w, generate_series(1, CASE w WHEN 1 THEN $1 ELSE $1 / 10 END) n; \
     INSERT INTO chats (workspace_id, generation, id, instance_id, customer_id, status, assignee, inbound_count, \
         unread_count, created_at, updated_at, version, created_position, touched_position) \
     SELECT workspace_id, 1, id, lpad(to_hex(CASE WHEN n % 1000 = 1 THEN 2 ELSE 1 END), 32, '0')::uuid, id, \
         CASE WHEN n % 500 = 0 THEN 'snoozed' WHEN n % 3 = 0 THEN 'closed' ELSE 'open' END, \
         CASE WHEN n % 2000 = 0 THEN 'Eva' WHEN n % 5 > 0 THEN 'Otto' END, 1, (n % 700 = 0)::int, created_at, \
         updated_at, 1, n, n FROM (SELECT *, created_position AS n FROM customers) c";

/// A fifth of the messages is of one chat.
const MESSAGES: &str = "INSERT INTO messages (workspace_id, generation, id, chat_id, instance_id, customer_id, direction, \
         kind, content, status, whatsapp_id, inbound_ordinal, created_at, failed_at, version, created_position) \
     SELECT lpad(to_hex(w), 32, '0')::uuid, 1, lpad(to_hex(w * 10000000 + n), 32, '0')::uuid, c, \
         lpad(to_hex(CASE WHEN n % 1000 = 1 THEN 2 ELSE 1 END), 32, '0')::uuid, c, \
         CASE WHEN n % 4 = 0 THEN 'inbound' ELSE 'outbound' END, \
         CASE WHEN n % 4000 = 0 THEN 'unsupported' ELSE 'text' END, \
         CASE WHEN n % 4000 <> 0 THEN '{\"type\":\"text\",\"text\":\"hello\"}'::json END, \
         CASE WHEN n % 1001 = 1 THEN 'failed' WHEN n % 2002 = 3 THEN 'queued' WHEN n % 4 = 0 THEN 'delivered' \
             ELSE 'read' END, \
         n::text, 0, timestamptz '2026-03-01' + n * interval '1 s', CASE WHEN n % 1001 = 1 THEN now() END, 1, \
         1000000 + n \
     FROM generate_series(1, 4) w, generate_series(1, CASE w WHEN 1 THEN $1 ELSE $1 / 10 END) n, \
         LATERAL (SELECT lpad(to_hex(w * 10000000 + CASE WHEN n % 5 = 0 THEN 1 \
             ELSE 1 + n::bigint * 7919 % CASE w WHEN 1 THEN $2 ELSE $2 / 10 END END), 32, '0')::uuid AS c) of_chat; \
     INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline) \
     SELECT workspace_id, id, instance_id, chat_id, created_position, now() FROM messages WHERE status = 'queued'";

/// Fills a database.
pub async fn fill(pool: &PgPool) {
    let numbers =
        |sql: &str, first: i32| sql.replace("$1", &first.to_string()).replace("$2", &CUSTOMERS.to_string());
    for sql in [
        TAKE_INDEXES.to_owned(),
        SMALL.to_owned(),
        numbers(CUSTOMERS_AND_CHATS, CUSTOMERS),
        numbers(MESSAGES, messages()),
        GIVE_INDEXES.to_owned(),
        "VACUUM ANALYZE".to_owned(),
    ] {
        sqlx::raw_sql(&sql).execute(pool).await.unwrap();
    }
}

/// The large one.
pub const LARGE: WorkspaceId = super::workspace(1);
