//! Writing a group: one set-wise write a table, and none for a table that does not change, as parts of one statement.
//!
//! What several appends of the group do to one row is folded here to the row's last form, because Postgres refuses to
//! touch a row twice in one upsert.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_application::log::{RecordedEvent, Rider, StreamId};
use interflow_application::{Command, ResourceRef};
use interflow_domain::{ChatId, InstanceId, MessageId, WorkspaceId};
use sqlx::PgConnection;

use super::failure::Failure;
use super::group::Head;
use super::prepared::{ClaimKey, Prepared};
use super::ruling::Facts;
use crate::answers::stored_resource;
use crate::batch::Batch;

const EVENTS: &str = "INSERT INTO events (workspace_id, position, event_id, aggregate_type, aggregate_id, sequence, \
                         event_type, event_version, payload, metadata, timestamp) \
     SELECT $1, $2 + e.n, e.id, e.stream_type, e.stream_id, e.sequence, e.type, e.version, e.payload::json, \
            e.metadata::json, e.timestamp \
     FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], \
                 $10::text[], $11::timestamptz[]) \
          WITH ORDINALITY AS e(id, stream_type, stream_id, sequence, type, version, payload, metadata, \
                               timestamp, n) \
     WHERE {held}";
/// One that is there is an error.
const BEGUN: &str = "INSERT INTO streams (workspace_id, aggregate_type, aggregate_id, version) \
     SELECT $1, s.type, s.id, s.version FROM unnest($2::text[], $3::text[], $4::bigint[]) \
          AS s(type, id, version) \
     WHERE {held}";
const MOVED_ON: &str = "INSERT INTO streams (workspace_id, aggregate_type, aggregate_id, version) \
     SELECT $1, s.type, s.id, s.version FROM unnest($2::text[], $3::text[], $4::bigint[]) \
          AS s(type, id, version) \
     WHERE {held} \
     ON CONFLICT (workspace_id, aggregate_type, aggregate_id) DO UPDATE SET version = excluded.version";
const HEAD: &str =
    "UPDATE heads SET position = $3 WHERE workspace_id = $1 AND position = $2 AND {held} RETURNING 1";
/// How many heads a group with events moved.
pub(super) const MOVED: &str = "SELECT count(*) FROM moved";
const RELEASE: &str = "DELETE FROM claims c USING unnest($2::text[], $3::bytea[]) AS gone(kind, hash) \
     WHERE c.workspace_id = $1 AND c.kind = gone.kind AND c.value_hash = gone.hash";
const TAKE: &str = "INSERT INTO claims (workspace_id, kind, value_hash, owner_type, owner_id) \
     SELECT $1, t.kind, t.hash, t.owner_type, t.owner_id \
     FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) AS t(kind, hash, owner_type, owner_id) \
     WHERE {held}";
const NEW_COMMANDS: &str = "INSERT INTO commands (workspace_id, command_id, request_hash, resource_kind, resource_id, \
                           expires_at) \
     SELECT $1, c.id, c.hash, c.kind, c.resource, c.expires \
     FROM unnest($2::bytea[], $3::bytea[], $4::text[], $5::uuid[], $6::timestamptz[]) \
          AS c(id, hash, kind, resource, expires) \
     WHERE {held}";
const OR_EXPIRED: &str = " ON CONFLICT (workspace_id, command_id) DO UPDATE SET request_hash = excluded.request_hash, \
         resource_kind = excluded.resource_kind, resource_id = excluded.resource_id, \
         expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL, forgotten = false";
const DONE: &str = "DELETE FROM outbox WHERE workspace_id = $1 AND message_id = ANY($2) AND {held}";
const SEND: &str = "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline, patience_ms, \
                         waits_turn) \
     SELECT $1, s.message, s.instance, s.chat, s.position, s.deadline, s.patience, s.patience IS NOT NULL \
     FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::bigint[]) \
          AS s(message, instance, chat, position, deadline, patience) \
     WHERE {held} \
     ON CONFLICT DO NOTHING";

/// A group that was judged, numbered and sealed.
pub(super) struct Group<'a> {
    pub(super) before: Facts,
    pub(super) after: Facts,
    pub(super) winners: Vec<&'a Prepared>,
    pub(super) recorded: &'a [RecordedEvent],
    /// One for each recorded event.
    pub(super) payloads: Vec<Cow<'a, str>>,
}

/// What is known of the commands that a group carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commands {
    /// None was carried out before: one that was is an error.
    AllNew,
    /// Those that were have expired, and are overwritten.
    NewOrExpired,
}

/// Adds what a group writes. Where it has events, [`MOVED`] tells whether they were written.
pub(super) fn write(
    batch: &mut Batch,
    workspace: WorkspaceId,
    head: Head,
    group: &Group<'_>,
    commands: Commands,
) {
    write_log(batch, workspace, head, group);
    take_claims(batch, workspace, group);
    let riders = Riders::folded(head, group);
    riders.write_commands(batch, workspace, commands);
    riders.write_outbox(batch, workspace);
}

fn write_log(batch: &mut Batch, workspace: WorkspaceId, head: Head, group: &Group<'_>) {
    let recorded = group.recorded;
    let Some(last) = recorded.last() else { return };
    let begun: BTreeSet<StreamId> =
        recorded.iter().filter(|event| event.version == 1).map(|event| event.stream).collect();
    let versions: BTreeMap<StreamId, u64> =
        recorded.iter().map(|event| (event.stream, event.version)).collect();
    let (begun, moved_on): (Vec<_>, Vec<_>) =
        versions.into_iter().partition(|(stream, _)| begun.contains(stream));
    batch
        .part("events_written", EVENTS)
        .bind(workspace.uuid())
        .bind(head.position)
        .bind(recorded.iter().map(|event| event.id.uuid()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.stream.aggregate_type()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.stream.aggregate_id()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.version.cast_signed()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.event.event_type()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.event.event_version()).collect::<Vec<_>>())
        .bind(group.payloads.iter().map(|payload| &**payload).collect::<Vec<&str>>())
        .bind(recorded.iter().map(|event| event.metadata.as_str()).collect::<Vec<&str>>())
        .bind(recorded.iter().map(|event| event.recorded_at).collect::<Vec<_>>());
    for (part, sql, versions) in [("streams_begun", BEGUN, begun), ("streams_moved_on", MOVED_ON, moved_on)] {
        if !versions.is_empty() {
            batch
                .part(part, sql)
                .bind(workspace.uuid())
                .bind(versions.iter().map(|(stream, _)| stream.aggregate_type()).collect::<Vec<_>>())
                .bind(versions.iter().map(|(stream, _)| stream.aggregate_id()).collect::<Vec<_>>())
                .bind(versions.iter().map(|(_, version)| version.cast_signed()).collect::<Vec<_>>());
        }
    }
    let moved = batch.part("moved", HEAD).bind(workspace.uuid());
    moved.bind(head.position).bind(last.position.cast_signed());
}

/// The claims that a group changes, as they were and as they will be.
fn changed_claims<'a>(
    group: &'a Group<'_>,
) -> impl Iterator<Item = (ClaimKey, Option<&'a StreamId>, Option<&'a StreamId>)> {
    let named = group.winners.iter().flat_map(|one| one.releases.iter().chain(&one.takes));
    let named: BTreeSet<ClaimKey> = named.map(|(claim, _)| *claim).collect();
    named
        .into_iter()
        .map(|claim| (claim, group.before.holders.get(&claim), group.after.holders.get(&claim)))
        .filter(|(_, before, after)| before != after)
}

/// Frees the claims that others will have, or nobody. A statement of its own, and before the others: one statement
/// cannot free a claim and take it.
pub(super) async fn release_claims(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    group: &Group<'_>,
) -> Result<(), Failure> {
    let gone = changed_claims(group).filter(|(_, before, _)| before.is_some());
    let gone: Vec<ClaimKey> = gone.map(|(claim, ..)| claim).collect();
    if !gone.is_empty() {
        sqlx::query(RELEASE)
            .bind(workspace.uuid())
            .bind(gone.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>())
            .bind(gone.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>())
            .execute(connection)
            .await?;
    }
    Ok(())
}

fn take_claims(batch: &mut Batch, workspace: WorkspaceId, group: &Group<'_>) {
    let taken: Vec<(ClaimKey, StreamId)> =
        changed_claims(group).filter_map(|(claim, _, after)| Some((claim, *after?))).collect();
    if taken.is_empty() {
        return;
    }
    batch
        .part("claims_taken", TAKE)
        .bind(workspace.uuid())
        .bind(taken.iter().map(|((kind, _), _)| kind.name()).collect::<Vec<_>>())
        .bind(taken.iter().map(|((_, hash), _)| hash.as_slice()).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, owner)| owner.aggregate_type()).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, owner)| owner.aggregate_id()).collect::<Vec<_>>());
}

/// What the riders of a group leave in their tables.
#[derive(Debug, Default)]
struct Riders {
    commands: BTreeMap<[u8; 32], (Command, ResourceRef)>,
    done: BTreeSet<MessageId>,
    sends: BTreeMap<MessageId, Send>,
}

#[derive(Debug)]
struct Send {
    instance: InstanceId,
    chat: ChatId,
    position: i64,
    deadline: DateTime<Utc>,
    paced: Option<Duration>,
}

impl Riders {
    /// A send has the place of its message's first event, so that those of one append keep their order too.
    fn folded(head: Head, group: &Group<'_>) -> Self {
        let mut folded = Self::default();
        let mut events = group.recorded.iter();
        let mut next = head.position + 1;
        for one in &group.winners {
            let begun: BTreeMap<StreamId, i64> = events
                .by_ref()
                .take(one.payloads.len())
                .filter(|event| event.version == 1)
                .map(|event| (event.stream, event.position.cast_signed()))
                .collect();
            for rider in &one.append.riders {
                folded.fold(rider, &begun, next);
            }
            next += one.payloads.len().cast_signed() as i64;
        }
        folded
    }

    fn fold(&mut self, rider: &Rider, begun: &BTreeMap<StreamId, i64>, append: i64) {
        match rider {
            Rider::Fence { .. } => {}
            Rider::Command { command, resource } => {
                self.commands.insert(command.id, (command.clone(), *resource));
            }
            Rider::SendDone { message } => {
                self.done.insert(*message);
                self.sends.remove(message);
            }
            Rider::Send { message, instance, chat, deadline, paced } => {
                let position = begun.get(&StreamId::Message(*message)).copied().unwrap_or(append);
                let (instance, chat, deadline, paced) = (*instance, *chat, *deadline, *paced);
                let send = Send { instance, chat, position, deadline, paced };
                self.sends.entry(*message).or_insert(send);
            }
        }
    }

    fn write_commands(&self, batch: &mut Batch, workspace: WorkspaceId, known: Commands) {
        if self.commands.is_empty() {
            return;
        }
        let commands = self.commands.values();
        let (kinds, resources): (Vec<_>, Vec<_>) =
            commands.clone().map(|(_, resource)| stored_resource(*resource)).unzip();
        let sql = match known {
            Commands::AllNew => NEW_COMMANDS.to_owned(),
            Commands::NewOrExpired => [NEW_COMMANDS, OR_EXPIRED].concat(),
        };
        batch
            .part("commands_written", &sql)
            .bind(workspace.uuid())
            .bind(self.commands.keys().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
            .bind(commands.clone().map(|(command, _)| command.request_hash.as_slice()).collect::<Vec<_>>())
            .bind(kinds)
            .bind(resources)
            .bind(commands.map(|(command, _)| command.expires_at).collect::<Vec<_>>());
    }

    fn write_outbox(&self, batch: &mut Batch, workspace: WorkspaceId) {
        if !self.done.is_empty() {
            let done: Vec<_> = self.done.iter().map(|message| message.uuid()).collect();
            batch.part("sends_done", DONE).bind(workspace.uuid()).bind(done);
        }
        if !self.sends.is_empty() {
            let sends = self.sends.values();
            batch
                .part("sends_written", SEND)
                .bind(workspace.uuid())
                .bind(self.sends.keys().map(|message| message.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.instance.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.chat.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.position).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.deadline).collect::<Vec<_>>())
                .bind(sends.map(|send| send.paced.map(milliseconds)).collect::<Vec<_>>());
        }
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
