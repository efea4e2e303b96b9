//! The sends that appends have asked for, in the order of their chats.
//!
//! The rows are written and deleted by the appends themselves (`event_log`); here they are only found and postponed.
//! A send is due when it is the first waiting one of its chat: what was postponed holds back the chat behind it, so
//! the messages of a chat go out in the order in which they were written.
//!
//! The first of each chat are found by walking the rows of an instance in the order of their positions, until there
//! are enough: a campaign to ten thousand chats costs no more than its next few. A join would say the same in one
//! statement, but of a table that is empty one minute and full the next the planner knows nothing: for ten thousand
//! sends to one chat it was seen to compare each with each.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::gateway::{Outbox, PendingSend};
use interflow_application::log::LogError;
use interflow_application::whatsapp::SessionSpec;
use interflow_domain::{ChatId, InstanceId, MessageId, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};

use crate::event_log::log_error;

/// [`Outbox`] on Postgres.
#[derive(Debug, Clone)]
pub struct PgOutbox {
    pool: PgPool,
}

const WALK: &str = "SELECT message_id, chat_id, position, attempts, next_attempt_at, deadline FROM outbox \
     WHERE workspace_id = $1 AND instance_id = $2 AND position > $3 ORDER BY position LIMIT $4";
/// How many rows are read at a time.
const STEP: u32 = 500;

/// Only what was tried has a next attempt, and only the first of a chat is tried.
const NEXT_DUE: &str = "SELECT min(next_attempt_at) FROM outbox \
     WHERE workspace_id = $1 AND instance_id = $2 AND next_attempt_at IS NOT NULL";

const POSTPONE: &str = "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = $3 \
     WHERE workspace_id = $1 AND message_id = $2 AND instance_id = $4 AND EXISTS (SELECT FROM leases \
         WHERE workspace_id = $1 AND instance_id = $4 AND epoch = $5)";

const OVERDUE: &str = "SELECT workspace_id, instance_id, message_id FROM outbox WHERE deadline <= $1 \
     ORDER BY deadline LIMIT $2";

const OF_INSTANCE: &str = "SELECT message_id FROM outbox WHERE workspace_id = $1 AND instance_id = $2 \
     ORDER BY position";

impl PgOutbox {
    /// The outbox in this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Outbox for PgOutbox {
    async fn due(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PendingSend>, LogError> {
        let mut walk = Walk { now, limit: limit as usize, seen: HashSet::new(), due: vec![] };
        let mut after = 0_i64;
        loop {
            let step = STEP.max(limit);
            let query = sqlx::query(WALK)
                .bind(workspace.uuid())
                .bind(instance.uuid())
                .bind(after)
                .bind(i64::from(step));
            let rows = query.fetch_all(&self.pool).await.map_err(log_error)?;
            for row in &rows {
                after = walk.pass(row).map_err(log_error)?;
            }
            if walk.due.len() >= walk.limit || rows.len() < step as usize {
                walk.due.truncate(walk.limit);
                return Ok(walk.due);
            }
        }
    }

    async fn next_due(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
    ) -> Result<Option<DateTime<Utc>>, LogError> {
        let query = sqlx::query_scalar(NEXT_DUE).bind(workspace.uuid()).bind(instance.uuid());
        query.fetch_one(&self.pool).await.map_err(log_error)
    }

    async fn postpone(
        &self,
        spec: SessionSpec,
        message: MessageId,
        until: DateTime<Utc>,
    ) -> Result<(), LogError> {
        let query = sqlx::query(POSTPONE)
            .bind(spec.workspace.uuid())
            .bind(message.uuid())
            .bind(until)
            .bind(spec.instance.uuid())
            .bind(spec.epoch);
        query.execute(&self.pool).await.map(drop).map_err(log_error)
    }

    async fn overdue(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, InstanceId, MessageId)>, LogError> {
        let query = sqlx::query_as(OVERDUE).bind(now).bind(i64::from(limit));
        let rows: Vec<(_, _, _)> = query.fetch_all(&self.pool).await.map_err(log_error)?;
        let ids = |(workspace, instance, message)| {
            (WorkspaceId::new(workspace), InstanceId::new(instance), MessageId::new(message))
        };
        Ok(rows.into_iter().map(ids).collect())
    }

    async fn of_instance(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
    ) -> Result<Vec<MessageId>, LogError> {
        let query = sqlx::query_scalar(OF_INSTANCE).bind(workspace.uuid()).bind(instance.uuid());
        let ids = query.fetch_all(&self.pool).await.map_err(log_error)?;
        Ok(ids.into_iter().map(MessageId::new).collect())
    }
}

/// A walk along the sends of an instance: which chats it has passed, and what is due.
struct Walk {
    now: DateTime<Utc>,
    limit: usize,
    seen: HashSet<ChatId>,
    due: Vec<PendingSend>,
}

impl Walk {
    /// Passes a row, and says at which position.
    fn pass(&mut self, row: &PgRow) -> Result<i64, sqlx::Error> {
        let chat = ChatId::new(row.try_get("chat_id")?);
        let next_attempt: Option<DateTime<Utc>> = row.try_get("next_attempt_at")?;
        if self.seen.insert(chat) && next_attempt.is_none_or(|at| at <= self.now) {
            let attempts: i32 = row.try_get("attempts")?;
            self.due.push(PendingSend {
                message: MessageId::new(row.try_get("message_id")?),
                chat,
                attempts: attempts.unsigned_abs(),
                deadline: row.try_get("deadline")?,
            });
        }
        row.try_get("position")
    }
}
