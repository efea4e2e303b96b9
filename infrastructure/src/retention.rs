//! Forgetting the contents of old messages: their data keys are destroyed, month by month, as an [erasure](crate::erasure)
//! destroys those of a customer, and what shows them is scrubbed.
//!
//! A part is so many keys, one a customer and month, in one transaction under the head's lock: the keys go, read models in
//! every generation lose the contents and the chats their previews, what receivers of webhooks answered about the messages
//! goes, and the certificate is appended. What is left to do is what keys there still are, so a part that a crash broke off
//! is done again from its beginning, and two servers that do it at once take turns.
//!
//! Kept answers to repeated requests need not be looked for: they are gone after a day, and nothing younger than that is
//! forgotten. Customers, chats, numbers and times stay.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use interflow_application::log::{
    Append, AppendError, Event, LogError, State, StreamAppend, StreamId, Streamed,
};
use interflow_application::{Clock, Context, Error, Expired, Retention};
use interflow_domain::workspace::{Workspace, WorkspaceCommand};
use interflow_domain::{Decide as _, MessageId, Subject, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::erasure::scrub::GENERATIONS;
use crate::event_log::{Failure, Locked, PgEventLog, Slot};
use crate::webhooks::forgetting;

/// How many keys go at once, unless it is said: appends of the workspace wait meanwhile.
const PART: u16 = 200;

const ANY: &str = "SELECT EXISTS (SELECT FROM data_keys WHERE workspace_id = $1 AND month < $2 \
     AND destroyed_at IS NULL AND subject LIKE '%/messages')";
const OLD: &str = "SELECT subject, month FROM data_keys WHERE workspace_id = $1 AND month < $2 \
     AND destroyed_at IS NULL AND subject LIKE '%/messages' ORDER BY month, subject LIMIT $3";

/// A message's contents are sealed with its first event, whose time is that of its creation.
const CONTENTS: &str = "UPDATE messages m SET content = NULL \
     FROM unnest($3::uuid[], $4::date[]) AS old(customer, month) \
     WHERE m.workspace_id = $1 AND m.generation = ANY($2) AND m.customer_id = old.customer \
         AND m.created_at >= old.month::timestamp AT TIME ZONE 'UTC' \
         AND m.created_at < (old.month + interval '1 month') AT TIME ZONE 'UTC' AND m.content IS NOT NULL \
     RETURNING m.id";
const PREVIEWS: &str = "UPDATE chats SET last_message_preview = NULL \
     WHERE workspace_id = $1 AND generation = ANY($2) AND customer_id = ANY($3) AND last_message_id = ANY($4)";

/// [`Retention`] on Postgres.
#[derive(Clone)]
pub struct PgRetention {
    log: PgEventLog,
    clock: Arc<dyn Clock>,
    part: u16,
}

impl PgRetention {
    /// Forgets in this log.
    #[must_use]
    pub fn new(log: PgEventLog, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock, part: PART }
    }

    /// The same, with at most so many keys at once.
    #[must_use]
    pub fn in_parts_of(self, part: u16) -> Self {
        Self { part, ..self }
    }

    async fn any(&self, workspace: WorkspaceId, before: NaiveDate) -> Result<bool, Failure> {
        let query = sqlx::query_scalar(ANY).bind(workspace.uuid()).bind(before);
        Ok(query.fetch_one(self.log.pool()).await?)
    }
}

#[async_trait]
impl Retention for PgRetention {
    async fn expire(&self, context: &Context, before: NaiveDate) -> Result<Expired, Error> {
        let workspace = context.workspace;
        // Hardly ever is there anything, and then nobody is to wait for it.
        if !self.any(workspace, before).await.map_err(failed)? {
            return Ok(Expired::default());
        }
        let mut locked = self.log.lock(workspace).await.map_err(failed)?;
        let slots = self.old(locked.connection(), workspace, before).await.map_err(failed)?;
        if slots.is_empty() {
            return Ok(Expired::default());
        }
        let data_keys = locked.destroy_slots(&slots).await.map_err(failed)?;
        let messages = contents(locked.connection(), workspace, &slots).await.map_err(failed)?;
        let streams: Vec<_> = messages.iter().map(|id| StreamId::Message(MessageId::new(*id))).collect();
        let forgotten = forgetting::forget(locked.connection(), workspace, &streams).await;
        let webhook_attempts = forgotten.map_err(Failure::from).map_err(failed)?;
        let expired = Expired { data_keys, messages: messages.len() as u64, webhook_attempts };
        self.certify(&mut locked, context, before, expired).await?;
        locked.commit(true).await.map_err(failed)?;
        Ok(expired)
    }
}

impl PgRetention {
    async fn old(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        before: NaiveDate,
    ) -> Result<Vec<Slot>, Failure> {
        let query = sqlx::query_as(OLD).bind(workspace.uuid()).bind(before).bind(i64::from(self.part));
        let rows: Vec<(String, NaiveDate)> = query.fetch_all(connection).await?;
        let unknown = |_| Failure::Refused("a data key is of an unknown kind of subject".to_owned());
        rows.into_iter().map(|(subject, month)| Ok((subject.parse().map_err(unknown)?, month))).collect()
    }

    async fn certify(
        &self,
        locked: &mut Locked,
        context: &Context,
        before: NaiveDate,
        expired: Expired,
    ) -> Result<(), Error> {
        let stream = StreamId::Workspace(context.workspace);
        let events = locked.events(stream).await.map_err(failed)?;
        let mut state = State::initial(stream);
        events.iter().for_each(|event| state.apply(event.event.clone()));
        let workspace = Workspace::of(&state);
        let workspace =
            workspace.ok_or_else(|| Error::Internal("the log gave a state of another kind".to_owned()))?;
        let Expired { data_keys, messages, webhook_attempts } = expired;
        let record =
            WorkspaceCommand::RecordMessagesExpired { before, data_keys, messages, webhook_attempts };
        let decided = workspace.decide(record)?;
        let part = StreamAppend {
            stream,
            expected: events.len() as u64,
            events: decided.into_iter().map(Event::from).collect(),
            cause: None,
        };
        let append = Append {
            context: context.clone(),
            recorded_at: self.clock.now(),
            streams: vec![part],
            claims: vec![],
            riders: vec![],
        };
        locked.append(append).await.map(drop).map_err(|error| match error {
            AppendError::Log(error) => error.into(),
            other => Error::Internal(format!("a certificate under the lock was refused: {other}")),
        })
    }
}

/// Scrubs what shows the contents, and says of which messages.
async fn contents(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    slots: &[Slot],
) -> Result<Vec<Uuid>, Failure> {
    let generations: Vec<i32> =
        sqlx::query_scalar(GENERATIONS).bind(workspace.uuid()).fetch_all(&mut *connection).await?;
    let of_customers = slots.iter().filter_map(|(subject, month)| match subject {
        Subject::Messages(customer) => Some((customer.uuid(), *month)),
        _ => None,
    });
    let (customers, months): (Vec<Uuid>, Vec<NaiveDate>) = of_customers.unzip();
    let mut messages: Vec<Uuid> = sqlx::query_scalar(CONTENTS)
        .bind(workspace.uuid())
        .bind(&generations)
        .bind(&customers)
        .bind(months)
        .fetch_all(&mut *connection)
        .await?;
    messages.sort_unstable();
    messages.dedup();
    sqlx::query(PREVIEWS)
        .bind(workspace.uuid())
        .bind(&generations)
        .bind(customers)
        .bind(&messages)
        .execute(connection)
        .await?;
    Ok(messages)
}

fn failed(failure: Failure) -> Error {
    LogError::from(failure).into()
}
