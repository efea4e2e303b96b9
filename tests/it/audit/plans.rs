//! Whatever an auditor looks for in a long log is found by an index.

use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::audit::{AuditReads, EventFilter, ReadFilter, ReadStore, Span, Stretch};
use interflow_application::log::StreamId;
use interflow_application::read::TimeRange;
use interflow_domain::{ChatId, WorkspaceId};
use interflow_infrastructure::audit::{PgAudit, PgReadStore};
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use sqlx::PgPool;
use uuid::Uuid;

use crate::event_log::fixture::master;
use crate::support::database::Database;
use crate::support::plans::{self, looked};

const LARGE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));
/// How many events the large workspace has; the others have a tenth each.
const EVENTS: i64 = 100_000;
/// Most buffers that a statement may read: some for each event that is tried.
const MOST_BUFFERS: u64 = 14_000;

/// One chat has a thousandth of the events; one event in ten thousand is rare in every way.
const FILL: &str = "INSERT INTO heads (workspace_id, position) SELECT lpad(to_hex(w), 32, '0')::uuid, \
         CASE w WHEN 1 THEN $1 ELSE $1 / 10 END FROM generate_series(1, 4) w; \
     INSERT INTO events (workspace_id, position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, \
         payload, metadata, timestamp) \
     SELECT lpad(to_hex(w), 32, '0')::uuid, n, gen_random_uuid(), 'chat', \
         CASE WHEN n % 1000 = 0 THEN '$chat' ELSE 'cht_' || lpad(n::text, 26, '0') END, \
         CASE WHEN n % 1000 = 0 THEN n / 1000 ELSE 1 END, \
         CASE WHEN n % 10000 = 7 THEN 'chat.closed' WHEN n % 3 = 0 THEN 'chat.reopened' ELSE 'chat.read' END, '1.0', \
         CASE WHEN n % 10000 = 7 THEN '{\"type\":\"chat.closed\"}' ELSE '{\"type\":\"chat.reopened\"}' END::json, \
         json_build_object('actor', CASE WHEN n % 10000 = 7 THEN 'operator' ELSE 'system:' || n % 3 END, \
             'request_id', 'req_' || n, 'correlation_id', CASE WHEN n % 10000 = 7 THEN 'rare' ELSE 'req_' || n / 20 END), \
         timestamptz '2026-01-01' + n * interval '1 s' - (n % 7) * interval '2 s' \
     FROM generate_series(1, 4) w, generate_series(1, CASE w WHEN 1 THEN $1 ELSE $1 / 10 END) n; \
     INSERT INTO audit_reads (workspace_id, place, minute, actor, resource, resource_id, writer, reads, items, first_at, \
         last_at, addresses) \
     SELECT lpad(to_hex(w), 32, '0')::uuid, (29453760 + n / 20)::bigint << 38 | n, timestamptz '2026-01-01' + n / 20 * interval '1 min', \
         CASE WHEN n % 5000 = 7 THEN 'operator' ELSE 'key:' || n % 3 END, 'resource' || n % 5, \
         CASE WHEN n % 5000 = 7 THEN 'rare' WHEN n % 2 = 0 THEN '' ELSE 'id' || n END, \
         lpad(to_hex(n), 32, '0')::uuid, 1, 0, now(), now(), '{}' \
     FROM generate_series(1, 4) w, generate_series(1, CASE w WHEN 1 THEN $1 ELSE $1 / 10 END) n;";

fn chat() -> ChatId {
    ChatId::new(Uuid::from_u128(77))
}

async fn fill(database: &Database) {
    let sql = FILL.replace("$1", &EVENTS.to_string()).replace("$chat", &chat().to_string());
    sqlx::raw_sql(&sql).execute(&database.pool).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&database.pool).await.unwrap();
}

fn time(second: i64) -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
}

/// Each filter, and the same as SQL.
fn filters() -> Vec<(EventFilter, String)> {
    let all = EventFilter::default;
    let within = |from, to| TimeRange { after: Some(time(from)), before: Some(time(to)) };
    let timed = |from: i64, to: i64| {
        format!("timestamp > '{}' AND timestamp < '{}'", time(from).to_rfc3339(), time(to).to_rfc3339())
    };
    let (stream, rare) = (Some(StreamId::Chat(chat())), Some("operator".to_owned()));
    let common = Some("system:1".to_owned());
    vec![
        (all(), "true".to_owned()),
        (EventFilter { stream, ..all() }, format!("aggregate_id = '{}'", chat())),
        (EventFilter { types: ["chat.closed"].into(), ..all() }, "event_type = 'chat.closed'".to_owned()),
        (
            EventFilter { types: ["chat.closed", "chat.opened", "chat.reopened"].into(), ..all() },
            "event_type <> 'chat.read'".to_owned(),
        ),
        (EventFilter { actor: rare.clone(), ..all() }, "metadata->>'actor' = 'operator'".to_owned()),
        (EventFilter { actor: common.clone(), ..all() }, "metadata->>'actor' = 'system:1'".to_owned()),
        (
            EventFilter { actor: rare.clone(), types: ["chat.closed"].into(), ..all() },
            "metadata->>'actor' = 'operator' AND event_type = 'chat.closed'".to_owned(),
        ),
        // Each is frequent, and both together are nowhere: the search is left off, and says so.
        (
            EventFilter { actor: common, types: ["chat.reopened"].into(), ..all() },
            "metadata->>'actor' = 'system:1' AND event_type = 'chat.reopened'".to_owned(),
        ),
        (
            EventFilter { correlation: Some("rare".to_owned()), ..all() },
            "metadata->>'correlation_id' = 'rare'".to_owned(),
        ),
        (
            EventFilter {
                correlation: Some("rare".to_owned()),
                actor: rare.clone(),
                recorded: within(100, 50_000),
                ..all()
            },
            format!("metadata->>'correlation_id' = 'rare' AND {}", timed(100, 50_000)),
        ),
        (EventFilter { recorded: within(70_000, 70_100), ..all() }, timed(70_000, 70_100)),
        (
            EventFilter { actor: rare, recorded: within(0, 30_000), ..all() },
            format!("metadata->>'actor' = 'operator' AND {}", timed(0, 30_000)),
        ),
        (
            EventFilter { positions: Span { after: Some(500), before: Some(530) }, ..all() },
            "position > 500 AND position < 530".to_owned(),
        ),
        (
            EventFilter { stream, positions: Span { after: Some(90_000), before: None }, ..all() },
            format!("aggregate_id = '{}' AND position > 90000", chat()),
        ),
    ]
}

/// Follows pages to the end; gives the positions.
async fn follow(audit: &PgAudit, filter: &EventFilter, ascending: bool, what: &str, most: usize) -> Vec<i64> {
    let (mut positions, mut from) = (vec![], None);
    loop {
        plans::forget();
        let page = audit.events(LARGE, filter, Stretch { from, ascending, size: 100 }).await.unwrap();
        looked(what, MOST_BUFFERS);
        positions.extend(page.events.iter().map(|event| event.position.cast_signed()));
        match page.more_from {
            Some(place) if positions.len() < most => from = Some(place),
            _ => return positions,
        }
    }
}

async fn plain(pool: &PgPool, condition: &str, ascending: bool, limit: usize) -> Vec<i64> {
    let direction = if ascending { "ASC" } else { "DESC" };
    let sql = format!(
        "SELECT position FROM events WHERE workspace_id = '{}' AND {condition} ORDER BY position {direction} LIMIT {limit}",
        LARGE.uuid()
    );
    sqlx::query_scalar(&sql).fetch_all(pool).await.unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn every_filter_on_a_long_log_is_right_and_reads_little() {
    let database = Database::new().await;
    fill(&database).await;
    let (one, _log) = plans::watched(&database.options).await;
    let audit = PgAudit::new(PgEventLog::start(
        one.clone(),
        &master(),
        std::sync::Arc::new(SystemIds),
        Settings::default(),
    ));
    for (filter, condition) in filters() {
        for ascending in [true, false] {
            let what = format!("{condition}, ascending {ascending}");
            let found = follow(&audit, &filter, ascending, &what, 300).await;
            let wanted = plain(&database.pool, &condition, ascending, found.len().max(300)).await;
            assert_eq!(found, wanted, "{what}");
        }
    }
    plans::forget();
    let followed = audit.followed(LARGE, "rare", 0, 5).await.unwrap();
    looked("a trail", MOST_BUFFERS);
    assert_eq!((followed.events.len(), followed.has_more), (5, true));
    let rest = audit.followed(LARGE, "rare", followed.events[4].position, 100).await.unwrap();
    assert_eq!((rest.events.len(), rest.has_more), (5, false));
    reads_are_found(&one).await;
}

async fn reads_are_found(one: &PgPool) {
    let store = PgReadStore::new(one.clone());
    let named = |text: &str| Some(text.to_owned());
    let all = ReadFilter::default;
    for (filter, wanted) in [
        (all(), 250),
        (ReadFilter { actor: named("operator"), ..all() }, 20),
        (ReadFilter { id: named("rare"), ..all() }, 20),
        (ReadFilter { id: named("rare"), actor: named("operator"), ..all() }, 20),
        (ReadFilter { id: named("rare"), actor: named("key:1"), ..all() }, 0),
        (ReadFilter { resource: named("resource1"), ..all() }, 250),
        (ReadFilter { actor: named("key:1"), resource: named("resource1"), ..all() }, 250),
        (ReadFilter { seen: TimeRange { after: Some(time(60)), before: Some(time(180)) }, ..all() }, 40),
    ] {
        let (mut found, mut from) = (0, None);
        loop {
            plans::forget();
            let page =
                store.reads(LARGE, &filter, Stretch { from, ascending: false, size: 50 }).await.unwrap();
            looked(&format!("{filter:?}"), MOST_BUFFERS);
            found += page.entries.len();
            from = page.more_from;
            if from.is_none() || found >= 250 {
                break;
            }
        }
        assert_eq!(found, wanted, "{filter:?}");
    }
    plans::forget();
    assert_eq!(store.forget(time(60 * 60), 200).await.unwrap(), 200);
    looked("forgetting", MOST_BUFFERS);
    while store.forget(time(60 * 60), 1_000).await.unwrap() > 0 {}
    let page = store.reads(LARGE, &all(), Stretch { from: None, ascending: true, size: 1 }).await.unwrap();
    assert_eq!(page.entries[0].entry.minute, time(60 * 60), "what is not old stays");
}
