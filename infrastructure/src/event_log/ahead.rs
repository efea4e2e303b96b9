//! A group in one statement, by whoever knows the head.
//!
//! After a commit the writer knows what the head says. As long as it says so nobody else has appended, and what was
//! read since is still so. So the next group is judged, numbered, sealed and folded ahead of the lock, and sent as
//! one statement that does nothing unless the head, locked by it and not waited for, still says the same: a
//! transaction of its own, and one round trip.
//!
//! The statement looks for itself at what the group was taken to rest on (versions, claims, commands), on a snapshot
//! that holds everything up to that head. What may change while the head stays as it is, is safe in another way:
//! claims and commands by their keys, fences by a lock on the lease. When anything is not as it was taken to be,
//! nothing is written, and the group goes the [long way](super::group), under the lock from the beginning.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use interflow_application::log::{RecordedEvent, Rider, StreamId};
use interflow_domain::{Subject, WorkspaceId};
use sqlx::PgConnection;

use super::data_keys::Keys;
use super::failure::Failure;
use super::group::{self, Answer, Head};
use super::prepared::{ClaimKey, Prepared};
use super::ruling::Facts;
use super::{Inner, rows};
use crate::batch::Batch;
use crate::read_models;

/// The last part is what the versions must be, which is never too much to ask of an index.
const HELD: &str = "SELECT FROM heads h WHERE h.workspace_id = $1 AND h.position = $2 AND h.generation = $3 \
     AND h.erasures = $4 AND NOT EXISTS (SELECT FROM unnest($5::text[], $6::text[], $7::bigint[]) \
         AS e(type, id, version) WHERE e.version <> coalesce((SELECT s.version FROM streams s \
             WHERE s.workspace_id = $1 AND s.aggregate_type = e.type AND s.aggregate_id = e.id), 0)) \
     FOR UPDATE SKIP LOCKED";
const CLAIMS: &str = "SELECT FROM unnest($2::text[], $3::bytea[]) AS q(kind, hash), LATERAL (SELECT FROM claims c \
     WHERE c.workspace_id = $1 AND c.kind = q.kind AND c.value_hash = q.hash OFFSET 0) c";
const HOLDERS: &str = "SELECT FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) \
         AS q(kind, hash, owner_type, owner_id), \
     LATERAL (SELECT c.owner_type, c.owner_id FROM claims c \
         WHERE c.workspace_id = $1 AND c.kind = q.kind AND c.value_hash = q.hash OFFSET 0) c \
     WHERE c.owner_type = q.owner_type AND c.owner_id = q.owner_id";
const COMMANDS: &str = "SELECT FROM commands WHERE workspace_id = $1 AND command_id = ANY($2)";
const FENCES: &str = "SELECT FROM leases l JOIN unnest($2::uuid[], $3::bigint[]) AS f(instance, epoch) \
     ON l.instance_id = f.instance AND l.epoch = f.epoch WHERE l.workspace_id = $1 FOR SHARE OF l SKIP LOCKED";

/// Appends a group if the head still says this, and gives the answers and what the head says now. `None` says that
/// nothing was appended and nobody is answered yet.
pub(super) async fn append(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    head: Head,
    group: &[Prepared],
) -> Result<Option<(Vec<Answer>, Head)>, Failure> {
    // A workspace's first events make more than rows; and what a release frees, another append may take.
    if head.position == 0 || group.iter().any(|one| !one.releases.is_empty()) {
        return Ok(None);
    }
    let before = Assumed::of(group);
    let mut facts = before.facts();
    let verdicts: Vec<_> = group.iter().map(|one| facts.admit(one)).collect();
    let winners: Vec<&Prepared> =
        group.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok()).map(|(one, _)| one).collect();
    let recorded = group::number(head, &winners);
    let Some(last) = recorded.last() else { return Ok(None) };
    let after = Head { position: last.position.cast_signed(), ..head };

    let mut batch = Batch::only_if("held");
    before.check(&mut batch, workspace, head);
    let Some(keys) = keys(inner, &mut batch, workspace, head, &winners, &recorded)? else { return Ok(None) };
    let payloads = group::seal(&winners, &keys)?;
    let events = rows::Group { before: before.facts(), after: facts, winners, recorded: &recorded, payloads };
    rows::write(&mut batch, workspace, head, &events, rows::Commands::AllNew);
    read_models::write(connection, &mut batch, workspace, head.generation, &recorded).await?;
    match batch.run(connection, rows::MOVED).await.map_err(Failure::from) {
        Ok(1) => {
            inner.keys.remember(workspace, keys);
            Ok(Some((group::answers(group, verdicts, recorded), after)))
        }
        // What the database refuses here may be somebody else's having been first: the long way finds out.
        Ok(_) | Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What a group rests on, taken from what its appends say.
struct Assumed<'a> {
    versions: BTreeMap<StreamId, u64>,
    holders: BTreeMap<ClaimKey, StreamId>,
    claims: BTreeSet<ClaimKey>,
    commands: BTreeSet<&'a [u8]>,
    fences: BTreeMap<interflow_domain::InstanceId, i64>,
}

impl<'a> Assumed<'a> {
    fn of(group: &'a [Prepared]) -> Self {
        let mut assumed = Self {
            versions: BTreeMap::new(),
            holders: BTreeMap::new(),
            claims: BTreeSet::new(),
            commands: BTreeSet::new(),
            fences: BTreeMap::new(),
        };
        for one in group {
            for part in &one.append.streams {
                assumed.versions.entry(part.stream).or_insert(part.expected);
            }
            for (claim, owner) in &one.holds {
                // One that an append before takes is not there yet.
                if !assumed.claims.contains(claim) {
                    assumed.holders.entry(*claim).or_insert(*owner);
                }
            }
            assumed.claims.extend(one.takes.iter().map(|(claim, _)| *claim));
            for rider in &one.append.riders {
                match rider {
                    Rider::Command { command, .. } => drop(assumed.commands.insert(&command.id)),
                    Rider::Fence { instance, epoch } => {
                        assumed.fences.entry(*instance).or_insert(*epoch);
                    }
                    Rider::Send { .. } | Rider::SendDone { .. } => {}
                }
            }
        }
        // Whoever takes one of those loses.
        let Self { holders, claims, .. } = &mut assumed;
        claims.retain(|claim| !holders.contains_key(claim));
        assumed
    }

    fn facts(&self) -> Facts {
        let versions = self.versions.iter().filter(|(_, version)| **version > 0);
        Facts {
            versions: versions.map(|(stream, version)| (*stream, *version)).collect(),
            epochs: self.fences.iter().map(|(instance, epoch)| (*instance, *epoch)).collect(),
            commands: HashMap::new(),
            holders: self.holders.iter().map(|(claim, owner)| (*claim, *owner)).collect(),
        }
    }

    fn check(&self, batch: &mut Batch, workspace: WorkspaceId, head: Head) {
        let mut held = HELD.to_owned();
        for (wanted, condition) in [
            (!self.claims.is_empty(), "NOT EXISTS (SELECT FROM claimed)"),
            (!self.commands.is_empty(), "NOT EXISTS (SELECT FROM known)"),
        ] {
            if wanted {
                held = held.replace(" FOR UPDATE", &format!(" AND {condition} FOR UPDATE"));
            }
        }
        if !self.claims.is_empty() {
            let part = batch.part("claimed", CLAIMS).bind(workspace.uuid());
            part.bind(self.claims.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>());
            part.bind(self.claims.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>());
        }
        if !self.commands.is_empty() {
            let part = batch.part("known", COMMANDS).bind(workspace.uuid());
            part.bind(self.commands.iter().copied().collect::<Vec<_>>());
        }
        for (count, of) in [(self.holders.len(), "holding"), (self.fences.len(), "fenced")] {
            if count > 0 {
                let condition = format!(" AND (SELECT count(*) FROM {of}) = {count} FOR UPDATE");
                held = held.replace(" FOR UPDATE", &condition);
            }
        }
        if !self.holders.is_empty() {
            let part = batch.part("holding", HOLDERS).bind(workspace.uuid());
            part.bind(self.holders.keys().map(|(kind, _)| kind.name()).collect::<Vec<_>>());
            part.bind(self.holders.keys().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>());
            part.bind(self.holders.values().map(|owner| owner.aggregate_type()).collect::<Vec<_>>());
            part.bind(self.holders.values().map(|owner| owner.aggregate_id()).collect::<Vec<_>>());
        }
        if !self.fences.is_empty() {
            let part = batch.part("fenced", FENCES).bind(workspace.uuid());
            part.bind(self.fences.keys().map(|instance| instance.uuid()).collect::<Vec<_>>());
            part.bind(self.fences.values().copied().collect::<Vec<_>>());
        }
        batch
            .part("held", &held)
            .bind(workspace.uuid())
            .bind(head.position)
            .bind(head.generation)
            .bind(head.erasures)
            .bind(self.versions.keys().map(|stream| stream.aggregate_type()).collect::<Vec<_>>())
            .bind(self.versions.keys().map(|stream| stream.aggregate_id()).collect::<Vec<_>>())
            .bind(self.versions.values().map(|version| version.cast_signed()).collect::<Vec<_>>());
    }
}

/// The keys to seal with, where they are remembered, or where there can be none because the subject is new.
fn keys(
    inner: &Inner,
    batch: &mut Batch,
    workspace: WorkspaceId,
    head: Head,
    winners: &[&Prepared],
    recorded: &[RecordedEvent],
) -> Result<Option<Keys>, Failure> {
    let slots = group::slots(winners)?;
    let begun: BTreeSet<StreamId> =
        recorded.iter().filter(|event| event.version == 1).map(|event| event.stream).collect();
    let mut keys = inner.keys.remembered(workspace, head.erasures, &slots);
    let unknown: Vec<_> = slots.into_iter().filter(|slot| !keys.contains_key(slot)).collect();
    if unknown.iter().any(|(subject, _)| !begun.contains(&stream_of(*subject))) {
        return Ok(None);
    }
    let made = inner.keys.make(unknown, head.erasures, &*inner.ids);
    inner.keys.write(batch, workspace, &made);
    keys.extend(made);
    Ok(Some(keys))
}

const fn stream_of(subject: Subject) -> StreamId {
    match subject {
        Subject::Customer(id) => StreamId::Customer(id),
        Subject::Chat(id) => StreamId::Chat(id),
        Subject::Instance(id) => StreamId::Instance(id),
    }
}
