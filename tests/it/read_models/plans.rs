//! Every statement finds its rows by an index, whatever the tables hold.
//!
//! The statements are the ones that were really prepared on a connection, so that none is forgotten here. Those of
//! lists that can be filtered are planned each time: `lists` looks at them.

use interflow_application::gateway::Outbox;
use interflow_application::read::{Cursor, PageRequest, Reads, Window};
use interflow_application::whatsapp::SessionSpec;
use interflow_domain::{ChatId, CustomerId, InstanceId, KeyId, MessageId, WorkspaceId};
use interflow_infrastructure::outbox::PgOutbox;
use interflow_infrastructure::read_models::{self, PgReads};
use serde_json::Value;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::history::{Attempt, History};
use super::workspace;
use crate::support::database::Database;
use crate::support::plans::{self, few};

const MINE: WorkspaceId = workspace(1);
/// Small beside what an installation holds, and large enough that reading all of it costs more than an index.
const FILL: [&str; 11] = [
    "INSERT INTO bulk_paces SELECT gen_random_uuid(), gen_random_uuid(), now() FROM generate_series(1, 5000)",
    "INSERT INTO key_uses (workspace_id, key_id, last_used_at) SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, \
         gen_random_uuid(), now() FROM generate_series(1, 10000) AS n",
    "INSERT INTO leases (workspace_id, instance_id, node_id, epoch) SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, \
         gen_random_uuid(), gen_random_uuid(), 1 FROM generate_series(1, 10000) AS n",
    "INSERT INTO heads (workspace_id) SELECT lpad(to_hex(n), 32, '0')::uuid FROM generate_series(1, 200) AS n",
    "INSERT INTO customers (workspace_id, generation, id, tags, created_at, updated_at, version, created_position) \
     SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, 1, gen_random_uuid(), '{}', now(), now(), 1, n \
     FROM generate_series(1, 10000) AS n",
    "INSERT INTO chats (workspace_id, generation, id, instance_id, customer_id, status, inbound_count, unread_count, \
         created_at, updated_at, version, created_position, touched_position) \
     SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), \
         'open', 0, 0, now(), now(), 1, n, n FROM generate_series(1, 10000) AS n",
    "INSERT INTO messages (workspace_id, generation, id, chat_id, instance_id, customer_id, direction, kind, status, \
         whatsapp_id, inbound_ordinal, created_at, version, created_position) \
     SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, 1, gen_random_uuid(), lpad(to_hex(n % 100), 32, '0')::uuid, \
         gen_random_uuid(), gen_random_uuid(), CASE n % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, 'text', \
         'sent', n::text, 0, now(), 1, n FROM generate_series(1, 20000) AS n",
    "INSERT INTO channels (workspace_id, generation, id, name, status, linked, created_at, updated_at, version, \
         created_position) \
     SELECT lpad(to_hex(1 + n % 200), 32, '0')::uuid, 1, gen_random_uuid(), 'instance ' || n, \
         CASE n % 50 WHEN 0 THEN 'open' ELSE 'close' END, true, now(), now(), 1, n FROM generate_series(1, 10000) AS n",
    "INSERT INTO workspaces (workspace_id, generation, id, slug, plan, status, created_at, updated_at, version, \
         creation_order) \
     SELECT gen_random_uuid(), 1, gen_random_uuid(), n::text, 'starter', 'active', now(), now(), 1, n \
     FROM generate_series(1, 20000) AS n",
    "INSERT INTO api_keys (workspace_id, generation, id, name, scopes, secret_sha256, origin, created_at, version, \
         created_position) \
     SELECT lpad(to_hex(1 + n % 200), 32, '0')::uuid, 1, gen_random_uuid(), 'key', '{*}', md5(n::text), 'issued', \
         now(), 1, n FROM generate_series(1, 10000) AS n",
    "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, next_attempt_at, deadline) \
     SELECT lpad(to_hex(1 + n % 4), 32, '0')::uuid, gen_random_uuid(), lpad(to_hex(n % 5), 32, '0')::uuid, \
         lpad(to_hex(n % 1000), 32, '0')::uuid, n, CASE n % 20 WHEN 0 THEN now() END, now() \
     FROM generate_series(1, 20000) AS n",
];

async fn ask_everything(pool: &PgPool) {
    let reads = PgReads::new(pool.clone());
    let attempts: Vec<Attempt> = (0..2_000_u32).map(|n| (n as u8, (n / 7) as u8, (n / 3) as u8)).collect();
    let history = History::of(&attempts);
    let mut connection = pool.begin().await.unwrap();
    for group in history.events.chunks(10) {
        read_models::apply(&mut connection, workspace(77), 1, group).await.unwrap();
    }
    connection.rollback().await.unwrap();

    let page = PageRequest { window: Window::After(Cursor(9_000)), size: 20 };
    let (customer, chat, message) = (history.customers[0], history.chats[0], history.messages[0]);
    let (instance, name) = (history.instances[0], "main".parse().unwrap());
    reads.credential("00").await.unwrap();
    reads.api_key(MINE, KeyId::new(Uuid::nil())).await.unwrap();
    reads.api_keys(MINE, page).await.unwrap();
    reads.workspace(MINE).await.unwrap();
    reads.workspaces(page).await.unwrap();
    reads.customer(MINE, customer).await.unwrap();
    reads.chat(MINE, chat).await.unwrap();
    reads.open_chats_of(MINE, customer).await.unwrap();
    reads.message(MINE, message).await.unwrap();
    reads.latest_inbound(MINE, chat, 20).await.unwrap();
    reads.snoozed_until(chrono::DateTime::UNIX_EPOCH, 100).await.unwrap();
    reads.outbound_by_whatsapp_id(MINE, instance, &["1".to_owned(), "2".to_owned()]).await.unwrap();
    reads.channel(MINE, instance).await.unwrap();
    reads.channel_named(MINE, &name).await.unwrap();
    reads.channels(MINE, page).await.unwrap();
    reads.all_channels(MINE).await.unwrap();
    reads.live_instances().await.unwrap();

    let outbox = PgOutbox::new(pool.clone());
    let now = reads.ping().await.unwrap();
    let instance = InstanceId::new(Uuid::from_u128(1));
    let spec = SessionSpec { workspace: MINE, instance, epoch: 1 };
    outbox.due(MINE, instance, now, 16).await.unwrap();
    outbox.next_due(MINE, instance, now).await.unwrap();
    outbox.postpone(spec, MessageId::new(Uuid::nil()), now).await.unwrap();
    outbox.overdue(now - chrono::Duration::days(1), 100).await.unwrap();
    outbox.of_instance(MINE, instance).await.unwrap();
}

/// A value for a parameter of each type, as SQL.
fn value(kind: &str) -> &'static str {
    match kind {
        "uuid" => "'00000000-0000-0000-0000-000000000001'",
        "integer" => "1",
        "bigint" => "5000",
        "text" => "'1'",
        "uuid[]" => "'{00000000-0000-0000-0000-000000000001}'",
        "text[]" => "'{}'",
        "timestamp with time zone" => "'2001-01-01'",
        _ => "NULL",
    }
}

/// What of a plan reads a whole table, but for the heads, and every node that sorts.
fn scans(plan: &Value, found: &mut Vec<String>) {
    let (node, table) = (plan["Node Type"].as_str().unwrap_or_default(), plan["Relation Name"].as_str());
    if node == "Seq Scan" && table != Some("heads") {
        found.push(format!("{node} on {}", table.unwrap_or_default()));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let database = Database::new().await;
    for statement in FILL {
        sqlx::query(statement).execute(&database.pool).await.unwrap();
    }
    sqlx::query("VACUUM ANALYZE").execute(&database.pool).await.unwrap();
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let one = options.connect_with(database.options.clone()).await.unwrap();
    ask_everything(&one).await;

    let prepared = "SELECT name, statement, parameter_types::text[] AS kinds FROM pg_prepared_statements \
         WHERE statement ~ '(FROM|INTO|UPDATE) (customers|chats|messages|channels|api_keys|workspaces|outbox|heads)' \
         AND NOT statement ~ '^EXPLAIN'";
    let prepared = sqlx::query(prepared).fetch_all(&one).await.unwrap();
    // Four loads, five writes, deletes of keys, channels and customers; fourteen questions; five of the outbox.
    assert!(prepared.len() >= 31, "{}", prepared.len());
    for mode in ["force_generic_plan", "force_custom_plan"] {
        sqlx::query(&format!("SET plan_cache_mode = {mode}")).execute(&one).await.unwrap();
        for row in &prepared {
            let kinds: Vec<String> = row.get("kinds");
            let values: Vec<_> = kinds.iter().map(|kind| value(kind)).collect();
            let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
            let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {}{values}", row.get::<&str, _>("name"));
            let plan: Value = sqlx::raw_sql(&explain).fetch_one(&one).await.unwrap().get(0);
            let mut found = vec![];
            scans(&plan[0]["Plan"], &mut found);
            let statement: &str = row.get("statement");
            assert!(found.is_empty(), "{mode}: {found:?}\n{statement}\n{plan:#}");
        }
    }
    one.close().await;
}

/// A workspace that began since Postgres looked last, and what belongs to one number and one chat of it.
const BEGUN: [&str; 3] = [
    "INSERT INTO heads (workspace_id) SELECT lpad(to_hex(999), 32, '0')::uuid",
    "INSERT INTO messages (workspace_id, generation, id, chat_id, instance_id, customer_id, direction, kind, status, \
         whatsapp_id, inbound_ordinal, created_at, version, created_position) \
     SELECT lpad(to_hex(999), 32, '0')::uuid, 1, lpad(to_hex(n), 32, '0')::uuid, lpad('7', 32, '0')::uuid, \
         lpad('8', 32, '0')::uuid, lpad('9', 32, '0')::uuid, CASE n % 2 WHEN 0 THEN 'inbound' ELSE 'outbound' END, \
         'text', 'sent', n::text, 0, now(), 1, n FROM generate_series(1, 20000) AS n",
    "INSERT INTO chats (workspace_id, generation, id, instance_id, customer_id, status, inbound_count, unread_count, \
         created_at, updated_at, version, created_position, touched_position) \
     SELECT lpad(to_hex(999), 32, '0')::uuid, 1, lpad(to_hex(n), 32, '0')::uuid, lpad('8', 32, '0')::uuid, \
         lpad(to_hex(n), 32, '0')::uuid, 'open', 0, 0, now(), now(), 1, n, n FROM generate_series(1, 10000) AS n",
];

#[tokio::test]
async fn a_workspace_that_postgres_has_not_seen_yet_is_not_read_for_one_row() {
    let database = Database::new().await;
    let untidy = "ALTER TABLE messages SET (autovacuum_enabled = off); \
        ALTER TABLE chats SET (autovacuum_enabled = off)";
    sqlx::raw_sql(untidy).execute(&database.pool).await.unwrap();
    for statement in FILL {
        sqlx::query(statement).execute(&database.pool).await.unwrap();
    }
    sqlx::query("VACUUM ANALYZE").execute(&database.pool).await.unwrap();
    for statement in BEGUN {
        sqlx::query(statement).execute(&database.pool).await.unwrap();
    }
    // As the server's connections plan.
    let plans: String = sqlx::query_scalar("SHOW plan_cache_mode").fetch_one(&database.pool).await.unwrap();
    assert_eq!(plans, "force_generic_plan");
    let options = database.options.clone().options([("plan_cache_mode", plans)]);
    let (pool, _watch) = plans::watched(&options).await;
    let (reads, new, id) = (PgReads::new(pool), workspace(999), Uuid::from_u128);
    let known = ["101".to_owned(), "103".to_owned()];
    let found = reads.outbound_by_whatsapp_id(new, InstanceId::new(id(8)), &known).await.unwrap();
    assert_eq!(found, [101, 103].map(|n| MessageId::new(id(n))));
    few("messages by their WhatsApp ids", 40);
    assert_eq!(reads.latest_inbound(new, ChatId::new(id(7)), 20).await.unwrap().len(), 20);
    few("the latest messages of a chat", 60);
    assert!(reads.message(new, MessageId::new(id(101))).await.unwrap().is_some());
    few("a message", 20);
    assert!(reads.chat(new, ChatId::new(id(101))).await.unwrap().is_some());
    few("a chat", 20);
    assert_eq!(reads.open_chats_of(new, CustomerId::new(id(101))).await.unwrap().len(), 1);
    few("a customer's open chats", 20);
}
