//! What workspaces use, counted by a reader of their logs.
//!
//! Nothing is counted when it happens, so an append costs nothing more. Whoever asks counts what came since somebody
//! last asked, by day and kind of event, and notes it with the position reached: each event is counted once, in
//! batches of a transaction each. The first question about a long log pays for all of it, and when it is given up
//! half-way the next goes on where it stopped.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, Utc};
use interflow_application::log::LogError;
use interflow_application::usage::{Traffic, Usage, UsageMeter};
use interflow_domain::WorkspaceId;
use sqlx::PgPool;

use crate::event_log::log_error;

/// Events counted in a transaction.
const BATCH: i64 = 50_000;

/// What is counted.
const COUNTED: [&str; 10] = [
    "customer.created",
    "customer.deleted",
    "chat.opened",
    "instance.registered",
    "instance.deleted",
    "workspace.key_issued",
    "workspace.key_revoked",
    "message.queued",
    "message.echoed",
    "message.received",
];

const STANDING: &str = "SELECT coalesce(max(h.position), 0), coalesce(max(u.position), 0) \
     FROM heads h LEFT JOIN usage_positions u USING (workspace_id) WHERE h.workspace_id = $1";
const BEGIN: &str = "INSERT INTO usage_positions (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING";
const REACHED: &str = "SELECT position FROM usage_positions WHERE workspace_id = $1 FOR UPDATE";
/// A later statement than the one that locked, so that it sees what whoever had the lock counted up to.
const COUNT: &str = "INSERT INTO usage_days AS d (workspace_id, day, event_type, events) \
     SELECT $1, (e.timestamp AT TIME ZONE 'UTC')::date, e.event_type, count(*) FROM events e \
     WHERE e.workspace_id = $1 AND e.position > $2 AND e.position <= $3 AND e.event_type = ANY($4) \
     GROUP BY 2, 3 \
     ON CONFLICT (workspace_id, day, event_type) DO UPDATE SET events = d.events + excluded.events";
const MOVE: &str = "UPDATE usage_positions SET position = $2 WHERE workspace_id = $1";
const TOTALS: &str =
    "SELECT event_type, sum(events)::bigint FROM usage_days WHERE workspace_id = $1 GROUP BY 1";
const DAYS: &str = "SELECT day, event_type, events FROM usage_days WHERE workspace_id = $1 AND day >= $2";

/// [`UsageMeter`] on Postgres.
#[derive(Debug, Clone)]
pub struct PgUsage {
    pool: PgPool,
    batch: i64,
}

impl PgUsage {
    /// Counts in this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool, batch: BATCH }
    }

    /// The same, counting so many events at a time.
    #[must_use]
    pub fn in_batches_of(self, events: u32) -> Self {
        Self { batch: i64::from(events.max(1)), ..self }
    }

    /// Counts up to the head, and gives its position.
    async fn catch_up(&self, workspace: WorkspaceId) -> Result<i64, sqlx::Error> {
        let standing = sqlx::query_as(STANDING).bind(workspace.uuid());
        let (head, mut reached): (i64, i64) = standing.fetch_one(&self.pool).await?;
        while reached < head {
            let mut transaction = self.pool.begin().await?;
            sqlx::query(BEGIN).bind(workspace.uuid()).execute(&mut *transaction).await?;
            let locked = sqlx::query_scalar(REACHED).bind(workspace.uuid());
            let from: i64 = locked.fetch_one(&mut *transaction).await?;
            reached = head.min(from + self.batch).max(from);
            if reached > from {
                let counted =
                    sqlx::query(COUNT).bind(workspace.uuid()).bind(from).bind(reached).bind(COUNTED);
                counted.execute(&mut *transaction).await?;
                sqlx::query(MOVE).bind(workspace.uuid()).bind(reached).execute(&mut *transaction).await?;
            }
            transaction.commit().await?;
        }
        Ok(head)
    }

    async fn read(&self, workspace: WorkspaceId, today: NaiveDate) -> Result<Usage, sqlx::Error> {
        let events = self.catch_up(workspace).await?.unsigned_abs();
        let totals: Vec<(String, i64)> =
            sqlx::query_as(TOTALS).bind(workspace.uuid()).fetch_all(&self.pool).await?;
        let first = today - Days::new(u64::from(Usage::DAYS) - 1);
        let days: Vec<(NaiveDate, String, i64)> =
            sqlx::query_as(DAYS).bind(workspace.uuid()).bind(first).fetch_all(&self.pool).await?;
        let total = |name: &str| totals.iter().find(|(of, _)| of == name).map_or(0, |(_, count)| *count);
        let left = |came: &str, went: &str| (total(came) - total(went)).max(0).unsigned_abs();
        let mut messages = Traffic::default();
        for (event_type, count) in &totals {
            add(&mut messages, event_type, *count);
        }
        let mut by_day: BTreeMap<NaiveDate, Traffic> =
            first.iter_days().take(Usage::DAYS.into()).map(|day| (day, Traffic::default())).collect();
        for (day, event_type, count) in &days {
            if let Some(traffic) = by_day.get_mut(day) {
                add(traffic, event_type, *count);
            }
        }
        Ok(Usage {
            events,
            customers: left("customer.created", "customer.deleted"),
            chats: total("chat.opened").unsigned_abs(),
            channels: left("instance.registered", "instance.deleted"),
            keys: left("workspace.key_issued", "workspace.key_revoked"),
            messages,
            days: by_day.into_iter().collect(),
        })
    }
}

fn add(traffic: &mut Traffic, event_type: &str, count: i64) {
    match event_type {
        "message.received" => traffic.inbound += count.unsigned_abs(),
        "message.queued" | "message.echoed" => traffic.outbound += count.unsigned_abs(),
        _ => {}
    }
}

#[async_trait]
impl UsageMeter for PgUsage {
    async fn usage(&self, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<Usage, LogError> {
        self.read(workspace, now.date_naive()).await.map_err(log_error)
    }
}
