//! A group's transaction, in the order that the decision on the event log fixes.
//!
//! 1. Lock the workspace's head, before any other row.
//! 2. In later statements, read what the group is judged by ([`Facts`]).
//! 3. Judge in order: losers leave with all their streams, claims and riders before anything is written.
//! 4. Give out positions, seal, and write each table with one set-wise statement ([`rows`]).
//! 5. Write the read models, in the generation that the head names.
//! 6. Commit.
//!
//! This is the long way, for a writer that does not know the head; one that does goes [ahead].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use interflow_application::log::{AppendError, Event, RecordedEvent};
use interflow_application::metadata::Metadata;
use interflow_domain::WorkspaceId;
use sqlx::{Connection as _, PgConnection};

use super::data_keys::{Keys, Slot};
use super::failure::Failure;
use super::known::Known;
use super::prepared::Prepared;
use super::ruling::Facts;
use super::seam::Step;
use super::{Inner, ahead, rows};
use crate::batch::Batch;
use crate::read_models;

/// READ COMMITTED whatever the server's default: statements after the lock must see what the lock waited for. The
/// bounds: nobody waits for ever for a head that is locked elsewhere, and a process that was stopped with a head
/// locked loses it. Without sequential scans, because a plan made while a table was small is kept when it grows; and
/// without compiling plans, which takes longer than any of these.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL statement_timeout = '30s'; \
     SET LOCAL idle_in_transaction_session_timeout = '15s'; \
     SET LOCAL enable_seqscan = off; \
     SET LOCAL jit = off";
const LOCK: &str = "SELECT position, generation, erasures FROM heads WHERE workspace_id = $1 FOR UPDATE";
const MAKE_HEAD: &str = "INSERT INTO heads (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING";
/// For what changes without an event.
const SHAKE: &str = "UPDATE heads SET erasures = erasures + $2 WHERE workspace_id = $1";

/// What an append comes to.
pub(super) type Answer = Result<Vec<RecordedEvent>, AppendError>;

/// A workspace's head, locked until the end of the transaction.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(super) struct Head {
    pub(super) position: i64,
    pub(super) generation: i32,
    pub(super) erasures: i64,
}

/// Appends a group; the answers are in its order. A failure says that nothing was appended, or that nobody knows.
pub(super) async fn append(
    inner: &Inner,
    workspace: WorkspaceId,
    group: &[Prepared],
    known: &mut Option<Known>,
) -> Result<Vec<Answer>, Failure> {
    inner.reached(Step::BeforeBegin, workspace).await;
    let mut connection = inner.connections.take().await?;
    // Who wants to know of the steps in between gets them.
    let short = inner.connections.statements_commit() && inner.settings.seam.is_none();
    let result = match known.take().filter(|_| short) {
        Some(known) => sooner(inner, &mut connection, workspace, group, known).await,
        None => Ok(None),
    };
    let result = match result {
        Ok(None) => append_locked(inner, &mut connection, workspace, group)
            .await
            .map(|(answers, head)| (answers, Known::at(head, &inner.known))),
        Ok(Some(done)) => Ok(done),
        Err(failure) => Err(failure),
    };
    match result {
        Ok((answers, now_known)) => {
            *known = Some(now_known);
            inner.connections.keep(connection);
            Ok(answers)
        }
        Err(failure) => {
            connection.close_on_drop();
            Err(failure)
        }
    }
}

/// The short way. What panics on it is poison, as on the long one.
async fn sooner(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    group: &[Prepared],
    known: Known,
) -> Result<Option<(Vec<Answer>, Known)>, Failure> {
    let appended = AssertUnwindSafe(ahead::append(inner, connection, workspace, known, group)).catch_unwind();
    appended.await.unwrap_or_else(|_| Err(Failure::Refused("writing it panicked".to_owned())))
}

/// The long way: under the lock from the beginning.
async fn append_locked(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    group: &[Prepared],
) -> Result<(Vec<Answer>, Head), Failure> {
    let mut transaction = connection.begin_with(BEGIN).await?;
    // What panics until here has changed nothing, and can be told from its neighbours like any other poison.
    let staged = AssertUnwindSafe(stage(inner, &mut transaction, workspace, group)).catch_unwind().await;
    let staged = staged.unwrap_or_else(|_| Err(Failure::Refused("writing it panicked".to_owned())));
    match staged {
        Ok(Staged { answers, keys, head, changes: true }) => {
            inner.reached(Step::BeforeCommit, workspace).await;
            transaction.commit().await?;
            inner.reached(Step::AfterCommit, workspace).await;
            inner.keys.remember(workspace, keys);
            Ok((answers, head))
        }
        Ok(Staged { answers, head, .. }) => {
            transaction.rollback().await?;
            Ok((answers, head))
        }
        Err(failure) => {
            // The failure is what counts; and a transaction that is dropped is rolled back.
            drop(transaction.rollback().await);
            Err(failure)
        }
    }
}

/// What is written, and becomes true with the commit.
pub(super) struct Staged {
    pub(super) answers: Vec<Answer>,
    pub(super) keys: Keys,
    /// What the head says then.
    pub(super) head: Head,
    changes: bool,
}

async fn stage(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    group: &[Prepared],
) -> Result<Staged, Failure> {
    let head = lock(connection, workspace).await?;
    inner.reached(Step::AfterLock, workspace).await;
    write(inner, connection, workspace, head, group).await
}

/// Writes what of a group may be written, under the lock.
pub(super) async fn write(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    head: Head,
    group: &[Prepared],
) -> Result<Staged, Failure> {
    let wanted = slots(&group.iter().collect::<Vec<_>>());
    let known = inner.keys.remembered(workspace, head.erasures, &wanted);
    let unknown = wanted.into_iter().filter(|slot| !known.contains_key(slot)).map(|(subject, _)| subject);
    let before = Facts::read(connection, workspace, group, &inner.answers, unknown.collect()).await?;
    let mut facts = before.clone();
    let verdicts: Vec<_> = group.iter().map(|one| facts.admit(one)).collect();
    let winners = winners(group, &verdicts);
    if winners.is_empty() {
        let answers = verdicts.into_iter().map(|verdict| verdict.map(|()| vec![])).collect();
        return Ok(Staged { answers, keys: Keys::new(), head, changes: false });
    }
    let mut recorded = number(head, &winners);
    let keys = keys_for(inner, connection, workspace, head, &winners).await?;
    let payloads = seal(&winners, &keys)?;
    describe(&winners, &keys, &mut recorded)?;
    let events = rows::Group { before, after: facts, winners, recorded: &recorded, payloads };
    let mut head = head;
    rows::release_claims(connection, workspace, &events).await?;
    let unseen = events.winners.iter().filter(|one| one.payloads.is_empty() && !one.releases.is_empty());
    let unseen = unseen.count().cast_signed() as i64;
    if unseen > 0 {
        // Whoever knows the head, and remembers who holds a claim, must find that the head says something else.
        head.erasures += unseen;
        sqlx::query(SHAKE).bind(workspace.uuid()).bind(unseen).execute(&mut *connection).await?;
    }
    let mut batch = Batch::default();
    rows::write(&mut batch, workspace, head, &events, rows::Commands::NewOrExpired);
    if !batch.is_empty() {
        let count = if recorded.is_empty() { "SELECT 1::bigint" } else { rows::MOVED };
        if batch.run(connection, count).await? != 1 {
            return Err(Failure::Refused("the head moved although it was locked".to_owned()));
        }
    }
    inner.reached(Step::AfterInsert, workspace).await;
    if !recorded.is_empty() {
        read_models::apply(connection, workspace, head.generation, &recorded).await?;
    }
    let position = recorded.last().map_or(head.position, |last| last.position.cast_signed());
    let head = Head { position, ..head };
    Ok(Staged { answers: answers(group, verdicts, recorded), keys, head, changes: true })
}

/// Those that may stay in the group.
pub(super) fn winners<'a>(group: &'a [Prepared], verdicts: &[Result<(), AppendError>]) -> Vec<&'a Prepared> {
    let judged = group.iter().zip(verdicts);
    judged.filter(|(_, verdict)| verdict.is_ok()).map(|(one, _)| one).collect()
}

/// Locks the workspace's head, and makes it for a workspace that has none yet.
pub(super) async fn lock(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<Head, Failure> {
    let lock = || sqlx::query_as(LOCK).bind(workspace.uuid());
    if let Some(head) = lock().fetch_optional(&mut *connection).await? {
        return Ok(head);
    }
    sqlx::query(MAKE_HEAD).bind(workspace.uuid()).execute(&mut *connection).await?;
    Ok(lock().fetch_one(connection).await?)
}

/// Gives the winners' events their positions and versions.
pub(super) fn number(head: Head, winners: &[&Prepared]) -> Vec<RecordedEvent> {
    let mut position = head.position.unsigned_abs();
    let mut recorded = vec![];
    for one in winners {
        let mut payloads = one.payloads.iter();
        for part in &one.append.streams {
            for (version, (event, payload)) in
                (part.expected + 1..).zip(part.events.iter().zip(&mut payloads))
            {
                position += 1;
                let (id, event): (_, Event) = (payload.id, event.clone());
                let recorded_at = one.append.recorded_at;
                recorded.push(RecordedEvent {
                    id,
                    position,
                    stream: part.stream,
                    version,
                    recorded_at,
                    event,
                    metadata: Metadata::default(),
                });
            }
        }
    }
    recorded
}

async fn keys_for(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    head: Head,
    winners: &[&Prepared],
) -> Result<Keys, Failure> {
    inner.keys.to_seal(connection, workspace, head.erasures, slots(winners), &*inner.ids).await
}

/// The keys that the winners need.
pub(super) fn slots(winners: &[&Prepared]) -> BTreeSet<Slot> {
    let of_payloads = |one: &&Prepared| {
        let month = one.month;
        let subjects = one.payloads.iter().flat_map(|payload| payload.subjects.iter().copied());
        let subjects = subjects.chain(one.circumstances.subject());
        subjects.map(|subject| (subject, month)).collect::<Vec<_>>()
    };
    winners.iter().flat_map(of_payloads).collect()
}

/// The winners' payloads as they are stored.
pub(super) fn seal<'a>(winners: &[&'a Prepared], keys: &Keys) -> Result<Vec<Cow<'a, str>>, Failure> {
    let payloads = winners.iter().flat_map(|one| one.payloads.iter().map(|payload| (one.month, payload)));
    let sealed = payloads.map(|(month, payload)| payload.sealed(month, keys));
    sealed.collect::<Result<_, _>>().map_err(|error| Failure::Refused(error.to_string()))
}

/// Gives the winners' events the circumstances they are stored with.
pub(super) fn describe(
    winners: &[&Prepared],
    keys: &Keys,
    recorded: &mut [RecordedEvent],
) -> Result<(), Failure> {
    let mut recorded = recorded.iter_mut();
    for one in winners {
        let metadata = one.circumstances.sealed(one.month, keys);
        let metadata = metadata.map_err(|error| Failure::Refused(error.to_string()))?;
        for (part, metadata) in one.append.streams.iter().zip(&*metadata) {
            for event in recorded.by_ref().take(part.events.len()) {
                event.metadata = metadata.clone();
            }
        }
    }
    Ok(())
}

/// Deals the recorded events out to the appends they belong to.
pub(super) fn answers(
    group: &[Prepared],
    verdicts: Vec<Result<(), AppendError>>,
    recorded: Vec<RecordedEvent>,
) -> Vec<Answer> {
    let mut recorded = recorded.into_iter();
    let deal = |(one, verdict): (&Prepared, Result<(), AppendError>)| {
        verdict.map(|()| recorded.by_ref().take(one.payloads.len()).collect())
    };
    group.iter().zip(verdicts).map(deal).collect()
}
