//! Which events a bundle has. Their positions go into a table that lasts as long as the transaction, so that neither this
//! program nor a sort has to hold them.

use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, CustomerId, MessageId, WorkspaceId};
use sqlx::PgConnection;
use sqlx::types::Uuid;

use super::{Bound, Selection};
use crate::audit::{SKEW, position_at};
use crate::event_log::Failure;

const TABLE: &str = "CREATE TEMPORARY TABLE bundled (position bigint PRIMARY KEY) ON COMMIT DROP";
const STREAMS: &str = "INSERT INTO bundled SELECT e.position FROM events e \
     WHERE e.workspace_id = $1 AND e.aggregate_type = $2 AND e.aggregate_id = ANY($3) AND e.position <= $4";
const STRETCH: &str =
    "INSERT INTO bundled SELECT position FROM events WHERE workspace_id = $1 AND position BETWEEN $2 AND $3";
const SINCE: &str = "SELECT coalesce((SELECT min(position) FROM events \
     WHERE workspace_id = $1 AND position BETWEEN $2 AND $3 AND timestamp >= $4), $3)";
const BEFORE: &str = "SELECT coalesce((SELECT max(position) FROM events \
     WHERE workspace_id = $1 AND position BETWEEN $2 AND $3 AND timestamp < $4), $2 - 1)";
const CHATS: &str = "SELECT c.id FROM chats c JOIN heads h USING (workspace_id, generation) \
     WHERE c.workspace_id = $1 AND c.customer_id = $2 ORDER BY c.id";
const MESSAGES: &str = "SELECT m.created_position, m.id FROM messages m JOIN heads h USING (workspace_id, generation) \
     WHERE m.workspace_id = $1 AND m.chat_id = $2 AND m.created_position > $3 \
     ORDER BY m.created_position LIMIT $4";
const BATCH: i64 = 1000;

/// Chooses the events of the first `size`, and says how many there are.
pub(super) async fn select(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    selection: &Selection,
    size: u64,
) -> Result<u64, Failure> {
    sqlx::query(TABLE).execute(&mut *connection).await?;
    let mut chosen = Chosen { connection, workspace, size: size.cast_signed() };
    match selection {
        Selection::Chat(chat) => chosen.chat(*chat).await?,
        Selection::Customer(customer) => chosen.customer(*customer).await?,
        Selection::Range { from, to } => chosen.stretch(*from, *to).await?,
    }
    sqlx::query("ANALYZE bundled").execute(&mut *chosen.connection).await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM bundled").fetch_one(chosen.connection).await?;
    Ok(count.unsigned_abs())
}

struct Chosen<'a> {
    connection: &'a mut PgConnection,
    workspace: WorkspaceId,
    size: i64,
}

impl Chosen<'_> {
    async fn streams(&mut self, kind: &str, ids: Vec<String>) -> Result<(), Failure> {
        let query = sqlx::query(STREAMS).bind(self.workspace.uuid()).bind(kind).bind(ids).bind(self.size);
        query.execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn customer(&mut self, customer: CustomerId) -> Result<(), Failure> {
        self.streams("customer", vec![customer.to_string()]).await?;
        let query = sqlx::query_scalar(CHATS).bind(self.workspace.uuid()).bind(customer.uuid());
        let chats: Vec<Uuid> = query.fetch_all(&mut *self.connection).await?;
        for chat in chats {
            self.chat(ChatId::new(chat)).await?;
        }
        Ok(())
    }

    async fn chat(&mut self, chat: ChatId) -> Result<(), Failure> {
        self.streams("chat", vec![chat.to_string()]).await?;
        let mut after = 0_i64;
        loop {
            let query = sqlx::query_as(MESSAGES).bind(self.workspace.uuid()).bind(chat.uuid());
            let some: Vec<(i64, Uuid)> =
                query.bind(after).bind(BATCH).fetch_all(&mut *self.connection).await?;
            let Some((last, _)) = some.last() else { return Ok(()) };
            after = *last;
            let ids = some.iter().map(|(_, id)| MessageId::new(*id).to_string()).collect();
            self.streams("message", ids).await?;
        }
    }

    /// Everything from the first event to the last one, so that it can be told that none is left out. Times are those of
    /// several servers' clocks: between them may be some that are a moment outside.
    async fn stretch(&mut self, from: Option<Bound>, to: Option<Bound>) -> Result<(), Failure> {
        let first = match from {
            Some(Bound::Position(position)) => i64::try_from(position).unwrap_or(i64::MAX),
            Some(Bound::Time(time)) => self.position(SINCE, time).await?,
            None => 1,
        };
        let last = match to {
            Some(Bound::Position(position)) => i64::try_from(position).unwrap_or(i64::MAX),
            Some(Bound::Time(time)) => self.position(BEFORE, time).await?,
            None => self.size,
        };
        let query = sqlx::query(STRETCH).bind(self.workspace.uuid()).bind(first).bind(last.min(self.size));
        query.execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn position(&mut self, statement: &str, time: DateTime<Utc>) -> Result<i64, Failure> {
        let low = position_at(self.connection, self.workspace, time - SKEW).await?;
        let high = position_at(self.connection, self.workspace, time + SKEW).await?;
        let query = sqlx::query_scalar(statement).bind(self.workspace.uuid()).bind(low).bind(high).bind(time);
        Ok(query.fetch_one(&mut *self.connection).await?)
    }
}
