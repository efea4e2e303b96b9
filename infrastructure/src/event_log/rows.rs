//! Writing a group: one set-wise statement a table, and none for a table that does not change.
//!
//! What several appends of the group do to one row is folded here to the row's last form, because Postgres refuses to
//! touch a row twice in one upsert.

use std::collections::{BTreeMap, BTreeSet};

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

/// Events, streams and head belong together and touch three tables: one round trip.
const LOG: &str = "WITH written AS ( \
         INSERT INTO events (workspace_id, position, event_id, aggregate_type, aggregate_id, sequence, event_type, \
                             event_version, payload, metadata, timestamp) \
         SELECT $1, $2 + e.n, e.id, e.stream_type, e.stream_id, e.sequence, e.type, e.version, e.payload::json, \
                e.metadata::json, e.timestamp \
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], \
                     $10::text[], $11::timestamptz[]) \
              WITH ORDINALITY AS e(id, stream_type, stream_id, sequence, type, version, payload, metadata, \
                                   timestamp, n) \
     ), moved AS ( \
         INSERT INTO streams (workspace_id, aggregate_type, aggregate_id, version) \
         SELECT $1, s.type, s.id, s.version FROM unnest($12::text[], $13::text[], $14::bigint[]) \
              AS s(type, id, version) \
         ON CONFLICT (workspace_id, aggregate_type, aggregate_id) DO UPDATE SET version = excluded.version \
     ) UPDATE heads SET position = $15 WHERE workspace_id = $1 AND position = $2";
const RELEASE: &str = "DELETE FROM claims c USING unnest($2::text[], $3::bytea[]) AS gone(kind, hash) \
     WHERE c.workspace_id = $1 AND c.kind = gone.kind AND c.value_hash = gone.hash";
const TAKE: &str = "INSERT INTO claims (workspace_id, kind, value_hash, owner_type, owner_id) \
     SELECT $1, t.kind, t.hash, t.owner_type, t.owner_id \
     FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) AS t(kind, hash, owner_type, owner_id) \
     ON CONFLICT DO NOTHING RETURNING 1";
const COMMANDS: &str = "INSERT INTO commands (workspace_id, command_id, request_hash, resource_kind, resource_id, \
                           expires_at) \
     SELECT $1, c.id, c.hash, c.kind, c.resource, c.expires \
     FROM unnest($2::bytea[], $3::bytea[], $4::text[], $5::uuid[], $6::timestamptz[]) \
          AS c(id, hash, kind, resource, expires) \
     ON CONFLICT (workspace_id, command_id) DO UPDATE SET request_hash = excluded.request_hash, \
         resource_kind = excluded.resource_kind, resource_id = excluded.resource_id, \
         expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL";
const DONE: &str = "DELETE FROM outbox WHERE workspace_id = $1 AND message_id = ANY($2)";
const SEND: &str = "INSERT INTO outbox (workspace_id, message_id, instance_id, chat_id, position, deadline) \
     SELECT $1, s.message, s.instance, s.chat, s.position, s.deadline \
     FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[]) \
          AS s(message, instance, chat, position, deadline) \
     ON CONFLICT DO NOTHING";

/// A group that was judged, numbered and sealed.
pub(super) struct Group<'a> {
    pub(super) before: Facts,
    pub(super) after: Facts,
    pub(super) winners: Vec<&'a Prepared>,
    pub(super) recorded: &'a [RecordedEvent],
    /// One for each recorded event.
    pub(super) payloads: Vec<String>,
}

pub(super) async fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    head: Head,
    group: &Group<'_>,
) -> Result<(), Failure> {
    write_log(connection, workspace, head, group).await?;
    write_claims(connection, workspace, group).await?;
    let riders = Riders::folded(head, &group.winners);
    riders.write_commands(connection, workspace).await?;
    riders.write_outbox(connection, workspace).await
}

async fn write_log(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    head: Head,
    group: &Group<'_>,
) -> Result<(), Failure> {
    let recorded = group.recorded;
    let Some(last) = recorded.last() else { return Ok(()) };
    let metadata: Vec<&str> =
        group.winners.iter().flat_map(|one| one.payloads.iter().map(|_| one.metadata.as_str())).collect();
    let versions: BTreeMap<StreamId, u64> =
        recorded.iter().map(|event| (event.stream, event.version)).collect();
    let moved = sqlx::query(LOG)
        .bind(workspace.uuid())
        .bind(head.position)
        .bind(recorded.iter().map(|event| event.id.uuid()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.stream.aggregate_type()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.stream.aggregate_id()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.version.cast_signed()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.event.event_type()).collect::<Vec<_>>())
        .bind(recorded.iter().map(|event| event.event.event_version()).collect::<Vec<_>>())
        .bind(&group.payloads)
        .bind(metadata)
        .bind(recorded.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
        .bind(versions.keys().map(|stream| stream.aggregate_type()).collect::<Vec<_>>())
        .bind(versions.keys().map(|stream| stream.aggregate_id()).collect::<Vec<_>>())
        .bind(versions.values().map(|version| version.cast_signed()).collect::<Vec<_>>())
        .bind(last.position.cast_signed())
        .execute(connection)
        .await?;
    match moved.rows_affected() {
        1 => Ok(()),
        _ => Err(Failure::Refused("the head moved although it was locked".to_owned())),
    }
}

async fn write_claims(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    group: &Group<'_>,
) -> Result<(), Failure> {
    let named = group.winners.iter().flat_map(|one| one.releases.iter().chain(&one.takes));
    let named: BTreeSet<ClaimKey> = named.map(|(claim, _)| *claim).collect();
    let (mut gone, mut taken) = (vec![], vec![]);
    for claim in named {
        let (before, after) = (group.before.holders.get(&claim), group.after.holders.get(&claim));
        if before != after {
            gone.extend(before.map(|_| claim));
            taken.extend(after.map(|owner| (claim, *owner)));
        }
    }
    if !gone.is_empty() {
        sqlx::query(RELEASE)
            .bind(workspace.uuid())
            .bind(gone.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>())
            .bind(gone.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>())
            .execute(&mut *connection)
            .await?;
    }
    if taken.is_empty() {
        return Ok(());
    }
    let written = sqlx::query(TAKE)
        .bind(workspace.uuid())
        .bind(taken.iter().map(|((kind, _), _)| kind.name()).collect::<Vec<_>>())
        .bind(taken.iter().map(|((_, hash), _)| hash.as_slice()).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, owner)| owner.aggregate_type()).collect::<Vec<_>>())
        .bind(taken.iter().map(|(_, owner)| owner.aggregate_id()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    if written.len() == taken.len() {
        Ok(())
    } else {
        Err(Failure::Refused("a claim was taken by somebody who had not locked the head".to_owned()))
    }
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
}

impl Riders {
    fn folded(head: Head, winners: &[&Prepared]) -> Self {
        let mut folded = Self::default();
        let mut next = head.position + 1;
        for one in winners {
            for rider in &one.append.riders {
                folded.fold(rider, next);
            }
            next += one.payloads.len().cast_signed() as i64;
        }
        folded
    }

    fn fold(&mut self, rider: &Rider, position: i64) {
        match rider {
            Rider::Fence { .. } => {}
            Rider::Command { command, resource } => {
                self.commands.insert(command.id, (command.clone(), *resource));
            }
            Rider::SendDone { message } => {
                self.done.insert(*message);
                self.sends.remove(message);
            }
            Rider::Send { message, instance, chat, deadline } => {
                let send = Send { instance: *instance, chat: *chat, position, deadline: *deadline };
                self.sends.entry(*message).or_insert(send);
            }
        }
    }

    async fn write_commands(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<(), Failure> {
        if self.commands.is_empty() {
            return Ok(());
        }
        let commands = self.commands.values();
        let (kinds, resources): (Vec<_>, Vec<_>) =
            commands.clone().map(|(_, resource)| stored_resource(*resource)).unzip();
        sqlx::query(COMMANDS)
            .bind(workspace.uuid())
            .bind(self.commands.keys().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
            .bind(commands.clone().map(|(command, _)| command.request_hash.as_slice()).collect::<Vec<_>>())
            .bind(kinds)
            .bind(resources)
            .bind(commands.map(|(command, _)| command.expires_at).collect::<Vec<_>>())
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn write_outbox(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<(), Failure> {
        if !self.done.is_empty() {
            let done: Vec<_> = self.done.iter().map(|message| message.uuid()).collect();
            sqlx::query(DONE).bind(workspace.uuid()).bind(done).execute(&mut *connection).await?;
        }
        if !self.sends.is_empty() {
            let sends = self.sends.values();
            sqlx::query(SEND)
                .bind(workspace.uuid())
                .bind(self.sends.keys().map(|message| message.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.instance.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.chat.uuid()).collect::<Vec<_>>())
                .bind(sends.clone().map(|send| send.position).collect::<Vec<_>>())
                .bind(sends.map(|send| send.deadline).collect::<Vec<_>>())
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}
