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
//!
//! Bulk messages wait for their turn beside that line, in one of their own: the walk does not pass them, so neither a
//! single send nor its chat waits for a campaign. One that gets its turn enters the line at its old place. When the
//! next turn is stands in `bulk_paces`, one row an instance: all of its campaigns share it, and it survives a restart.

use std::collections::HashSet;
use std::sync::LazyLock;

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

const WALK: &str = "(SELECT message_id, chat_id, position, attempts, next_attempt_at, deadline, waits_turn FROM outbox \
     WHERE workspace_id = $1 AND instance_id = $2 AND NOT waits_turn AND position > $3 ORDER BY position LIMIT $4)";
/// Asked for with the first step of the walk.
const TURN: &str = " UNION ALL (SELECT message_id, chat_id, position, attempts, next_attempt_at, deadline, waits_turn \
     FROM outbox b WHERE workspace_id = $1 AND instance_id = $2 AND waits_turn \
     AND NOT EXISTS (SELECT FROM bulk_paces p \
         WHERE p.workspace_id = $1 AND p.instance_id = $2 AND p.next_turn_at > $5) \
     AND NOT EXISTS (SELECT FROM outbox l \
         WHERE l.workspace_id = $1 AND l.instance_id = $2 AND NOT l.waits_turn AND l.chat_id = b.chat_id) \
     ORDER BY position LIMIT 1) \
     ORDER BY waits_turn, position";
static FIRST_STEP: LazyLock<String> = LazyLock::new(|| [WALK, TURN].concat());
/// How many rows are read at a time.
const STEP: u32 = 500;

/// Only what was tried has a next attempt, and only the first of a chat is tried. A turn that has come and was not
/// taken waits for a chat, and so for an attempt.
const NEXT_DUE: &str = "SELECT LEAST( \
         (SELECT min(next_attempt_at) FROM outbox \
             WHERE workspace_id = $1 AND instance_id = $2 AND next_attempt_at IS NOT NULL), \
         (SELECT next_turn_at FROM bulk_paces \
             WHERE workspace_id = $1 AND instance_id = $2 AND next_turn_at > $3 AND EXISTS (SELECT FROM outbox \
                 WHERE workspace_id = $1 AND instance_id = $2 AND waits_turn)))";

const TAKE_TURN: &str = "WITH turn AS ( \
         INSERT INTO bulk_paces (workspace_id, instance_id, next_turn_at) \
         SELECT $1, $2, $5 WHERE EXISTS (SELECT FROM leases \
                 WHERE workspace_id = $1 AND instance_id = $2 AND epoch = $6) \
             AND EXISTS (SELECT FROM outbox WHERE workspace_id = $1 AND message_id = $3 AND waits_turn) \
         ON CONFLICT (workspace_id, instance_id) DO UPDATE SET next_turn_at = excluded.next_turn_at \
             WHERE bulk_paces.next_turn_at <= $4 \
         RETURNING 1) \
     UPDATE outbox SET waits_turn = false, deadline = LEAST(deadline, $4 + patience_ms * interval '1 millisecond') \
     WHERE workspace_id = $1 AND message_id = $3 AND instance_id = $2 AND waits_turn \
         AND EXISTS (SELECT FROM turn) \
     RETURNING deadline";

const WAITING_TURNS: &str =
    "SELECT count(*) FROM outbox WHERE workspace_id = $1 AND instance_id = $2 AND waits_turn";

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
        let mut walk = Walk { now, limit: limit as usize, seen: HashSet::new(), due: vec![], turn: None };
        let mut after = 0_i64;
        loop {
            let step = STEP.max(limit);
            let first = after == 0;
            let sql = if first { &*FIRST_STEP } else { WALK };
            let query = sqlx::query(sql)
                .bind(workspace.uuid())
                .bind(instance.uuid())
                .bind(after)
                .bind(i64::from(step));
            let query = if first { query.bind(now) } else { query };
            let rows = query.fetch_all(&self.pool).await.map_err(log_error)?;
            let mut passed = 0;
            for row in &rows {
                if let Some(position) = walk.pass(row).map_err(log_error)? {
                    (after, passed) = (position, passed + 1);
                }
            }
            if walk.due.len() >= walk.limit || passed < step {
                return Ok(walk.done());
            }
        }
    }

    async fn next_due(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, LogError> {
        let query = sqlx::query_scalar(NEXT_DUE).bind(workspace.uuid()).bind(instance.uuid()).bind(now);
        query.fetch_one(&self.pool).await.map_err(log_error)
    }

    async fn take_turn(
        &self,
        spec: SessionSpec,
        message: MessageId,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, LogError> {
        let query = sqlx::query_scalar(TAKE_TURN)
            .bind(spec.workspace.uuid())
            .bind(spec.instance.uuid())
            .bind(message.uuid())
            .bind(now)
            .bind(next)
            .bind(spec.epoch);
        query.fetch_optional(&self.pool).await.map_err(log_error)
    }

    async fn waiting_turns(&self, workspace: WorkspaceId, instance: InstanceId) -> Result<u64, LogError> {
        let query = sqlx::query_scalar(WAITING_TURNS).bind(workspace.uuid()).bind(instance.uuid());
        let count: i64 = query.fetch_one(&self.pool).await.map_err(log_error)?;
        Ok(count.unsigned_abs())
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
    turn: Option<PendingSend>,
}

impl Walk {
    /// Passes a row, and says at which position; nowhere for one that is not in line.
    fn pass(&mut self, row: &PgRow) -> Result<Option<i64>, sqlx::Error> {
        let chat = ChatId::new(row.try_get("chat_id")?);
        let waits_turn = row.try_get("waits_turn")?;
        let attempts: i32 = row.try_get("attempts")?;
        let send = PendingSend {
            message: MessageId::new(row.try_get("message_id")?),
            chat,
            attempts: attempts.unsigned_abs(),
            deadline: row.try_get("deadline")?,
            waits_turn,
        };
        if waits_turn {
            self.turn = Some(send);
            return Ok(None);
        }
        let next_attempt: Option<DateTime<Utc>> = row.try_get("next_attempt_at")?;
        if self.seen.insert(chat) && next_attempt.is_none_or(|at| at <= self.now) {
            self.due.push(send);
        }
        row.try_get("position").map(Some)
    }

    /// What is due, and a turn where there is room for it.
    fn done(mut self) -> Vec<PendingSend> {
        self.due.truncate(self.limit);
        if self.due.len() < self.limit {
            self.due.extend(self.turn);
        }
        self.due
    }
}
