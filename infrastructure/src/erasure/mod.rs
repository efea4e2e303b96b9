//! Forgetting a customer: one transaction that leaves nothing of it but a certificate.
//!
//! # The story of an erasure
//! The workspace's head is locked ([`Locked`]), so no append is under way, and none that was decided before is written
//! after: its versions, its claims or its count of erasures are not what they were. Under the lock everything the
//! customer was ever known by is read from its events ([`known`]), and then destroyed: its data keys, so that the log
//! cannot be read any more; what read models, kept answers and attempts at deliveries show ([`scrub`]); what WhatsApp's
//! sessions have stored ([`sessions`]). Chats are closed, sends that wait are given up, claims are let go of, and the
//! certificate is appended. Before the commit the erasure is on the [`list`] that lies outside of the database: a
//! backup of it that is restored is made to forget again.
//!
//! What is still in the database's files, an operator clears with a [`purge`].
//!
//! After the commit this process and all others forget what they remember of the workspace.

mod known;
mod list;
mod purge;
pub(crate) mod scrub;
mod sessions;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::{
    Append, AppendError, Event, LogError, RecordedEvent, Rider, State, StreamAppend, StreamId, Streamed,
};
use interflow_application::metadata::CausedBy;
use interflow_application::{Actor, Certificate, Clock, Context, Erasures, Error, Resource, ResourceRef};
use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::customer::{Customer, CustomerCommand, CustomerEvent, Destroyed, ErasureReason};
use interflow_domain::message::{FailureReason, Message, MessageCommand};
use interflow_domain::{ChatId, CustomerId, Decide, InstanceId, MessageId, Subject, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event_log::{Failure, Locked, PgEventLog};
use crate::projections::Projections;

pub use list::{Entry, ErasureList, ListError};
pub use purge::Purged;

/// How often an erasure is begun again because the database gave up: a deadlock, or a lock that was held too long.
const ATTEMPTS: u32 = 3;

const ERASED: &str = "INSERT INTO erased_subjects (workspace_id, subject, position, erased_at) \
     SELECT $1, s, $3, $4 FROM unnest($2::text[]) AS s";
const IS_ERASED: &str =
    "SELECT EXISTS (SELECT FROM erased_subjects WHERE workspace_id = $1 AND subject = $2)";
const ALL_ERASED: &str = "SELECT workspace_id, subject, erased_at FROM erased_subjects \
     WHERE subject NOT LIKE '%/%' ORDER BY workspace_id, position";
const IS_KNOWN: &str = "SELECT EXISTS (SELECT FROM streams WHERE workspace_id = $1 AND aggregate_type = 'customer' \
     AND aggregate_id = $2)";

/// By what the rows of an instance's WhatsApp keys are found that are about a person of these numbers and LIDs.
pub type Traces = Arc<dyn Fn(WorkspaceId, InstanceId, &[String]) -> Vec<Vec<u8>> + Send + Sync>;

/// [`Erasures`] on Postgres.
#[derive(Clone)]
pub struct PgErasures {
    log: PgEventLog,
    clock: Arc<dyn Clock>,
    traces: Traces,
    list: Arc<ErasureList>,
}

/// What a restored database was made to forget, or what the list was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Customers that were on the list and not erased in this database, and are now.
    pub erased: u64,
    /// Those of the list that this database never knew.
    pub unknown: u64,
    /// Erasures of this database that were not on the list, and are now.
    pub listed: u64,
}

#[async_trait]
impl Erasures for PgErasures {
    async fn erase(
        &self,
        context: &Context,
        customer: CustomerId,
        reason: Option<ErasureReason>,
    ) -> Result<Certificate, Error> {
        let mut attempt = 1;
        loop {
            match self.try_erase(context, customer, reason.clone()).await {
                Err(Error::Unavailable(_)) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }
}

impl PgErasures {
    /// Erasures in this log. Each is on the list before it is done.
    #[must_use]
    pub fn new(log: PgEventLog, clock: Arc<dyn Clock>, traces: Traces, list: Arc<ErasureList>) -> Self {
        Self { log, clock, traces, list }
    }

    async fn try_erase(
        &self,
        context: &Context,
        customer: CustomerId,
        reason: Option<ErasureReason>,
    ) -> Result<Certificate, Error> {
        let workspace = context.workspace;
        let mut locked = self.log.lock(workspace).await.map_err(failed)?;
        let events = locked.events(StreamId::Customer(customer)).await.map_err(failed)?;
        if events.is_empty() {
            return Err(Error::NotFound(Resource::Customer));
        }
        if let Some(certificate) = events.iter().rev().find_map(certificate_of) {
            return Ok(certificate);
        }
        let work = Work { erasures: self, context, customer };
        let certificate = work.erase(&mut locked, events, reason).await?;
        let erased_at = certificate.erased_at;
        let entry = Entry { workspace, customer, erased_at, reason: certificate.reason.clone() };
        self.list.add(&entry).await.map_err(|error| Error::Unavailable(error.to_string()))?;
        locked.commit(true).await.map_err(failed)?;
        // Rows that were being made aside by a run that has died would show it still.
        if let Err(error) = Projections::new(&self.log).forget_stale(workspace).await {
            tracing::warn!(%workspace, %error, "rows of read models that were made aside could not be removed");
        }
        Ok(certificate)
    }

    /// Erases again whoever is on the list and not erased in this database, and lists whoever is erased and not on it:
    /// to be called when a server starts, because its database may be one that was restored.
    pub async fn apply(&self) -> Result<Applied, Error> {
        let listed = self.list.read().await.map_err(|error| Error::Unavailable(error.to_string()))?;
        let mut applied = Applied::default();
        for entry in &listed {
            let subject = Subject::Customer(entry.customer).to_string();
            if self.asked(IS_ERASED, entry.workspace, &subject).await? {
                continue;
            }
            if !self.asked(IS_KNOWN, entry.workspace, &entry.customer.to_string()).await? {
                applied.unknown += 1;
                continue;
            }
            let actor = Actor::System("erasure list");
            let context = Context::internal(entry.workspace, actor, "erasure_list".to_owned());
            self.erase(&context, entry.customer, entry.reason.clone()).await?;
            tracing::warn!(
                workspace = %entry.workspace, customer = %entry.customer,
                "a customer on the erasure list was not erased in this database, and is now"
            );
            applied.erased += 1;
        }
        let known: HashSet<_> = listed.iter().map(|entry| (entry.workspace, entry.customer)).collect();
        let rows: Vec<(Uuid, String, DateTime<Utc>)> = sqlx::query_as(ALL_ERASED)
            .fetch_all(self.log.pool())
            .await
            .map_err(Failure::from)
            .map_err(failed)?;
        for (workspace, subject, erased_at) in rows {
            let (workspace, customer) = (WorkspaceId::new(workspace), subject.parse());
            let Ok(customer) = customer else { continue };
            if !known.contains(&(workspace, customer)) {
                let entry = Entry { workspace, customer, erased_at, reason: None };
                self.list.add(&entry).await.map_err(|error| Error::Unavailable(error.to_string()))?;
                applied.listed += 1;
            }
        }
        Ok(applied)
    }

    /// Clears the database's files of what was erased, telling of each step as it is done. See [`Purged`].
    pub async fn purge(&self, tell: &mut (dyn FnMut(Purged) + Send)) -> Result<(), Error> {
        let projections = Projections::new(&self.log);
        let unavailable = |error: &dyn std::error::Error| Error::Unavailable(error.to_string());
        for workspace in projections.workspaces().await.map_err(|error| unavailable(&error))? {
            projections.forget_stale(workspace).await.map_err(|error| unavailable(&error))?;
        }
        // Its settings are not another's.
        let connection = self.log.pool().acquire().await.map_err(Failure::from).map_err(failed)?;
        let purged = purge::purge(&mut connection.detach(), tell).await;
        purged.map_err(Failure::from).map_err(failed)
    }

    async fn asked(&self, sql: &'static str, workspace: WorkspaceId, name: &str) -> Result<bool, Error> {
        let query = sqlx::query_scalar(sql).bind(workspace.uuid()).bind(name);
        query.fetch_one(self.log.pool()).await.map_err(Failure::from).map_err(failed)
    }
}

/// One erasure under the lock.
struct Work<'a> {
    erasures: &'a PgErasures,
    context: &'a Context,
    customer: CustomerId,
}

impl Work<'_> {
    async fn erase(
        &self,
        locked: &mut Locked,
        events: Vec<RecordedEvent>,
        reason: Option<ErasureReason>,
    ) -> Result<Certificate, Error> {
        let (workspace, generation) = (self.context.workspace, locked.generation());
        let place = scrub::Place { workspace, generation, customer: self.customer };
        let shown = scrub::Shown::read(locked.connection(), place).await.map_err(failed)?;
        let known = known::Known::of(&events, &shown.phones);

        let subjects = [Subject::Customer(self.customer), Subject::Messages(self.customer)];
        let data_keys = locked.destroy_keys(&subjects).await.map_err(failed)?;
        let scrubbed = scrub::everything(locked.connection(), place, &shown).await.map_err(failed)?;
        let whatsapp_keys = self.sessions(locked.connection(), &shown, &known).await.map_err(failed)?;
        let destroyed = Destroyed {
            data_keys,
            messages: shown.messages.len() as u64,
            chats: shown.chats.len() as u64,
            sends: shown.sends.len() as u64,
            webhook_attempts: scrubbed.webhook_attempts,
            answers: scrubbed.answers,
            whatsapp_keys,
        };

        let append = self.append(locked, &events, &shown, known, (reason, destroyed)).await?;
        let recorded = locked.append(append).await.map_err(refused)?;
        let certificate = recorded.iter().find_map(certificate_of);
        let certificate =
            certificate.ok_or_else(|| Error::Internal("an erasure recorded nothing".to_owned()))?;
        sqlx::query(ERASED)
            .bind(workspace.uuid())
            .bind(subjects.map(|subject| subject.to_string()).to_vec())
            .bind(certificate.position.cast_signed())
            .bind(certificate.erased_at)
            .execute(locked.connection())
            .await
            .map_err(Failure::from)
            .map_err(failed)?;
        Ok(certificate)
    }

    async fn sessions(
        &self,
        connection: &mut PgConnection,
        shown: &scrub::Shown,
        known: &known::Known,
    ) -> Result<u64, Failure> {
        let workspace = self.context.workspace;
        let talked: Vec<InstanceId> = shown.chats.iter().map(|chat| chat.instance).collect();
        let users: Vec<String> = known.users.iter().cloned().collect();
        let traces = |instance| (self.erasures.traces)(workspace, instance, &users);
        sessions::forget(connection, workspace, &talked, traces).await
    }

    /// The certificate, and the ends of what was open.
    async fn append(
        &self,
        locked: &mut Locked,
        events: &[RecordedEvent],
        shown: &scrub::Shown,
        known: known::Known,
        (reason, destroyed): (Option<ErasureReason>, Destroyed),
    ) -> Result<Append, Error> {
        let stream = StreamId::Customer(self.customer);
        let state: Customer = folded(events)?;
        let decided = state.decide(CustomerCommand::EraseCustomer { reason, destroyed })?;
        let mut streams = vec![StreamAppend {
            stream,
            expected: events.len() as u64,
            events: decided.into_iter().map(Event::from).collect(),
            cause: None,
        }];
        let mut claims = known.releases(stream);
        for chat in shown.chats.iter().filter(|chat| chat.open) {
            let part = self.closed(locked, chat.id).await?;
            claims.push(known::Known::release_chat(chat.instance, self.customer, chat.id));
            streams.push(part);
        }
        let mut riders = vec![];
        for message in &shown.sends {
            streams.push(self.given_up(locked, *message).await?);
            riders.push(Rider::SendDone { message: *message });
        }
        if let Some(command) = &self.context.command {
            let resource = ResourceRef::Customer(self.customer);
            riders.push(Rider::Command { command: command.clone(), resource });
        }
        let recorded_at = self.erasures.clock.now();
        Ok(Append { context: self.context.clone(), recorded_at, streams, claims, riders })
    }

    async fn closed(&self, locked: &mut Locked, chat: ChatId) -> Result<StreamAppend, Error> {
        let stream = StreamId::Chat(chat);
        let events = locked.events(stream).await.map_err(failed)?;
        let decided = folded::<Chat>(&events)?.decide(ChatCommand::CloseChat)?;
        let events_now = decided.into_iter().map(Event::from).collect();
        let cause = Some(CausedBy::Within(StreamId::Customer(self.customer)));
        Ok(StreamAppend { stream, expected: events.len() as u64, events: events_now, cause })
    }

    async fn given_up(&self, locked: &mut Locked, message: MessageId) -> Result<StreamAppend, Error> {
        let stream = StreamId::Message(message);
        let events = locked.events(stream).await.map_err(failed)?;
        let reason = FailureReason::CustomerErased;
        let decided = folded::<Message>(&events)?.decide(MessageCommand::FailMessage { reason })?;
        let events_now = decided.into_iter().map(Event::from).collect();
        let cause = Some(CausedBy::Within(StreamId::Customer(self.customer)));
        Ok(StreamAppend { stream, expected: events.len() as u64, events: events_now, cause })
    }
}

/// What the events of a stream amount to.
fn folded<A: Streamed>(events: &[RecordedEvent]) -> Result<A, Error> {
    let unreadable = || Error::Internal("the log gave a state of another kind".to_owned());
    let stream = events.first().map(|event| event.stream).ok_or_else(unreadable)?;
    let mut state = State::initial(stream);
    events.iter().for_each(|event| state.apply(event.event.clone()));
    A::of(&state).map(|state| A::clone(state)).ok_or_else(unreadable)
}

/// The certificate that an event is, if it is one.
fn certificate_of(recorded: &RecordedEvent) -> Option<Certificate> {
    let Event::Customer(CustomerEvent::CustomerErased { reason, destroyed }) = &recorded.event else {
        return None;
    };
    let StreamId::Customer(customer) = recorded.stream else { return None };
    Some(Certificate {
        event: recorded.id,
        position: recorded.position,
        customer,
        erased_at: recorded.recorded_at,
        reason: reason.clone(),
        destroyed: destroyed.clone(),
    })
}

fn failed(failure: Failure) -> Error {
    LogError::from(failure).into()
}

fn refused(error: AppendError) -> Error {
    match error {
        AppendError::Repeated(recorded) => Error::Repeated(recorded),
        AppendError::Log(error) => error.into(),
        other => Error::Internal(format!("an erasure under the lock was refused: {other}")),
    }
}
