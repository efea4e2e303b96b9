//! A group in one statement, by whoever knows the head.
//!
//! After a commit the writer knows what the head says. As long as it says so nobody else has appended, and what was
//! read since is still so. So the next group is judged, numbered, sealed and folded ahead of the lock, and sent as
//! one statement that does nothing unless the head, locked by it and not waited for, still says the same: a
//! transaction of its own, and one round trip.
//!
//! What the writer [knows](super::known) from its groups before need not be asked for. At the rest of what the group was
//! taken to rest on (versions, claims, commands) the statement looks for itself, on a snapshot that holds everything
//! up to that head. What may change while the head stays as it is, is safe in another way:
//! claims and commands by their keys, fences by a lock on the lease. When anything is not as it was taken to be,
//! nothing is written, and the group goes the [long way](super::group), under the lock from the beginning.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use interflow_application::log::{RecordedEvent, Rider, StreamId};
use interflow_domain::{Subject, WorkspaceId};
use sqlx::PgConnection;

use super::data_keys::Keys;
use super::failure::Failure;
use super::group::{self, Answer, Head};
use super::known::Known;
use super::prepared::{ClaimKey, Prepared};
use super::ruling::Facts;
use super::{Inner, rows};
use crate::batch::Batch;
use crate::read_models;

const HEAD: &str = "SELECT FROM heads h WHERE h.workspace_id = $1 AND h.position = $2 AND h.generation = $3 \
     AND h.erasures = $4";
const VERSIONS: &str = "NOT EXISTS (SELECT FROM unnest($5::text[], $6::text[], $7::bigint[]) \
     AS e(type, id, version) WHERE e.version <> coalesce((SELECT s.version FROM streams s \
         WHERE s.workspace_id = $1 AND s.aggregate_type = e.type AND s.aggregate_id = e.id), 0))";
const CLAIMS: &str = "SELECT FROM unnest($2::text[], $3::bytea[]) AS q(kind, hash), LATERAL (SELECT FROM claims c \
     WHERE c.workspace_id = $1 AND c.kind = q.kind AND c.value_hash = q.hash OFFSET 0) c";
/// Scalar subqueries and no joins: each is one descent of the index, whatever the planner believes of the table.
const NOT_HELD: &str = "SELECT FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[]) \
         AS q(kind, hash, owner_type, owner_id) \
     WHERE (SELECT c.owner_type = q.owner_type AND c.owner_id = q.owner_id FROM claims c \
         WHERE c.workspace_id = $1 AND c.kind = q.kind AND c.value_hash = q.hash) IS NOT TRUE";
const COMMANDS: &str = "SELECT FROM commands WHERE workspace_id = $1 AND command_id = ANY($2)";
const FENCES: &str = "SELECT FROM (SELECT FROM leases l JOIN unnest($2::uuid[], $3::bigint[]) AS f(instance, epoch) \
         ON l.instance_id = f.instance AND l.epoch = f.epoch WHERE l.workspace_id = $1 FOR SHARE OF l SKIP LOCKED) l \
     HAVING count(*) = $4";

/// Appends a group if the head still says this, and gives the answers and what is known then. `None` says that
/// nothing was appended and nobody is answered yet.
pub(super) async fn append(
    inner: &Inner,
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    mut known: Known,
    group: &[Prepared],
) -> Result<Option<(Vec<Answer>, Known)>, Failure> {
    let head = known.head;
    // A workspace's first events make more than rows; and what a release frees, another append may take.
    if head.position == 0 || group.iter().any(|one| !one.releases.is_empty()) {
        return Ok(None);
    }
    let mut before = Assumed::of(group, &mut known);
    let mut facts = before.facts();
    let verdicts: Vec<_> = group.iter().map(|one| facts.admit(one)).collect();
    let winners = group::winners(group, &verdicts);
    let mut recorded = group::number(head, &winners);
    let Some(last) = recorded.last() else { return Ok(None) };
    let after = Head { position: last.position.cast_signed(), ..head };
    // Their rows are inserted, which fails where there is one.
    for begun in recorded.iter().filter(|event| event.version == 1) {
        before.to_check.versions.remove(&begun.stream);
    }

    let mut batch = Batch::only_if("held");
    before.to_check.check(&mut batch, workspace, head);
    let Some(keys) = keys(inner, &mut batch, workspace, head, &winners, &recorded)? else { return Ok(None) };
    let payloads = group::seal(&winners, &keys)?;
    group::describe(&winners, &keys, &mut recorded)?;
    let before = before.facts();
    let events = rows::Group { before, after: facts, winners, recorded: &recorded, payloads };
    rows::write(&mut batch, workspace, head, &events, rows::Commands::AllNew);
    let scope = (workspace, head.generation);
    read_models::write(connection, &mut batch, scope, Some(&known.rows), &recorded).await?;
    match batch.run(connection, rows::MOVED).await.map_err(Failure::from) {
        Ok(1) => {
            known.advance(after, events.after);
            inner.keys.remember(workspace, keys);
            Ok(Some((group::answers(group, verdicts, recorded), known)))
        }
        // What the database refuses here may be somebody else's having been first: the long way finds out.
        Ok(_) | Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What a group rests on: what is known, and what its appends say.
struct Assumed<'a> {
    versions: BTreeMap<StreamId, u64>,
    holders: BTreeMap<ClaimKey, StreamId>,
    to_check: ToCheck<'a>,
}

/// What of it is only what the appends say.
#[derive(Default)]
struct ToCheck<'a> {
    versions: BTreeMap<StreamId, u64>,
    holders: BTreeMap<ClaimKey, StreamId>,
    claims: BTreeSet<ClaimKey>,
    commands: BTreeSet<&'a [u8]>,
    fences: BTreeMap<interflow_domain::InstanceId, i64>,
}

impl<'a> Assumed<'a> {
    fn of(group: &'a [Prepared], known: &mut Known) -> Self {
        let (mut versions, mut holders) = (BTreeMap::new(), BTreeMap::new());
        let mut to_check = ToCheck::default();
        for one in group {
            for part in &one.append.streams {
                versions.entry(part.stream).or_insert_with(|| {
                    known.version(part.stream).unwrap_or_else(|| {
                        to_check.versions.insert(part.stream, part.expected);
                        part.expected
                    })
                });
            }
            for (claim, owner) in &one.holds {
                // One that an append before takes is not there yet.
                if !to_check.claims.contains(claim) {
                    holders.entry(*claim).or_insert_with(|| {
                        known.holder(*claim).unwrap_or_else(|| {
                            to_check.holders.insert(*claim, *owner);
                            *owner
                        })
                    });
                }
            }
            to_check.claims.extend(one.takes.iter().map(|(claim, _)| *claim));
            for rider in &one.append.riders {
                match rider {
                    Rider::Command { command, .. } => drop(to_check.commands.insert(&command.id)),
                    Rider::Fence { instance, epoch } => {
                        to_check.fences.entry(*instance).or_insert(*epoch);
                    }
                    Rider::Send { .. } | Rider::SendDone { .. } => {}
                }
            }
        }
        // Whoever takes one of those loses.
        to_check.claims.retain(|claim| !holders.contains_key(claim));
        Self { versions, holders, to_check }
    }

    fn facts(&self) -> Facts {
        let versions = self.versions.iter().filter(|(_, version)| **version > 0);
        Facts {
            versions: versions.map(|(stream, version)| (*stream, *version)).collect(),
            epochs: self.to_check.fences.iter().map(|(instance, epoch)| (*instance, *epoch)).collect(),
            commands: HashMap::new(),
            holders: self.holders.iter().map(|(claim, owner)| (*claim, *owner)).collect(),
            // Whose keys are remembered at this count of erasures was not erased, and whose stream begins was not either.
            erased: BTreeSet::new(),
        }
    }
}

impl ToCheck<'_> {
    /// Adds the part that locks the head if all of it is so, and the parts it looks at.
    fn check(&self, batch: &mut Batch, workspace: WorkspaceId, head: Head) {
        let mut held = HEAD.to_owned();
        let mut and = |condition: &str| held.extend([" AND ", condition]);
        if !self.claims.is_empty() {
            and("NOT EXISTS (SELECT FROM claimed)");
            let part = batch.part("claimed", CLAIMS).bind(workspace.uuid());
            part.bind(self.claims.iter().map(|(kind, _)| kind.name()).collect::<Vec<_>>());
            part.bind(self.claims.iter().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>());
        }
        if !self.commands.is_empty() {
            and("NOT EXISTS (SELECT FROM known)");
            let part = batch.part("known", COMMANDS).bind(workspace.uuid());
            part.bind(self.commands.iter().copied().collect::<Vec<_>>());
        }
        if !self.holders.is_empty() {
            and("NOT EXISTS (SELECT FROM not_held)");
            let part = batch.part("not_held", NOT_HELD).bind(workspace.uuid());
            part.bind(self.holders.keys().map(|(kind, _)| kind.name()).collect::<Vec<_>>());
            part.bind(self.holders.keys().map(|(_, hash)| hash.as_slice()).collect::<Vec<_>>());
            part.bind(self.holders.values().map(|owner| owner.aggregate_type()).collect::<Vec<_>>());
            part.bind(self.holders.values().map(|owner| owner.aggregate_id()).collect::<Vec<_>>());
        }
        if !self.fences.is_empty() {
            and("EXISTS (SELECT FROM fenced)");
            let part = batch.part("fenced", FENCES).bind(workspace.uuid());
            part.bind(self.fences.keys().map(|instance| instance.uuid()).collect::<Vec<_>>());
            part.bind(self.fences.values().copied().collect::<Vec<_>>());
            part.bind(self.fences.len().cast_signed() as i64);
        }
        if !self.versions.is_empty() {
            and(VERSIONS);
        }
        held.push_str(" FOR UPDATE SKIP LOCKED");
        let part = batch.part("held", &held).bind(workspace.uuid());
        part.bind(head.position).bind(head.generation).bind(head.erasures);
        if !self.versions.is_empty() {
            part.bind(self.versions.keys().map(|stream| stream.aggregate_type()).collect::<Vec<_>>());
            part.bind(self.versions.keys().map(|stream| stream.aggregate_id()).collect::<Vec<_>>());
            part.bind(self.versions.values().map(|version| version.cast_signed()).collect::<Vec<_>>());
        }
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
    let slots = group::slots(winners);
    let begun: BTreeSet<StreamId> =
        recorded.iter().filter(|event| event.version == 1).map(|event| event.stream).collect();
    let mut keys = inner.keys.remembered(workspace, head.erasures, &slots);
    let unknown: Vec<_> = slots.into_iter().filter(|slot| !keys.contains_key(slot)).collect();
    if unknown.iter().any(|(subject, _)| stream_of(*subject).is_none_or(|stream| !begun.contains(&stream))) {
        return Ok(None);
    }
    let made = inner.keys.make(unknown, head.erasures, &*inner.ids);
    inner.keys.write(batch, workspace, &made);
    keys.extend(made);
    Ok(Some(keys))
}

/// Whose stream begins with it. What is known of a key's users is in no stream of its own.
const fn stream_of(subject: Subject) -> Option<StreamId> {
    Some(match subject {
        Subject::Customer(id) | Subject::Messages(id) => StreamId::Customer(id),
        Subject::Chat(id) => StreamId::Chat(id),
        Subject::Instance(id) => StreamId::Instance(id),
        Subject::Webhook(id) => StreamId::Webhook(id),
        Subject::Key(_) => return None,
    })
}
