//! An append made ready for its group, in its caller's task: everything that needs no lock is done by now.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, SubsecRound};
use interflow_application::log::{Append, ClaimChange, Event, LogError, StreamId};
use interflow_application::{Claim, ClaimKind, Ids};
use interflow_domain::{EventId, Subject, WorkspaceId};
use interflow_vault::SealingKey;
use serde_json::Value;
use uuid::Uuid;

use super::circumstances::Circumstances;
use super::data_keys::{DataKeys, InUse, Keys};
use super::sealing::{self, SealError};

/// A claim as storage knows it.
pub(super) type ClaimKey = (ClaimKind, [u8; 32]);

/// An append made ready for its group.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) append: Append,
    /// One for each event of the append, in the order in which they get their positions.
    pub(super) payloads: Vec<Payload>,
    /// What must be held, and by whom.
    pub(super) holds: Vec<(ClaimKey, StreamId)>,
    /// In the order of the append.
    pub(super) releases: Vec<(ClaimKey, StreamId)>,
    pub(super) takes: Vec<(ClaimKey, StreamId)>,
    /// Who, and because of what.
    pub(super) circumstances: Circumstances,
    /// The month whose data keys seal it.
    pub(super) month: NaiveDate,
}

/// An event's id, and what of it is stored.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) id: EventId,
    /// Whose values are in it.
    pub(super) subjects: BTreeSet<Subject>,
    json: Value,
    /// Sealed under the keys of these ids, a key a subject, which are as a rule still in use when it is appended.
    sealed: Option<(Vec<Uuid>, String)>,
}

impl Payload {
    fn new(id: EventId, json: Value) -> Result<Self, SealError> {
        let mut subjects = BTreeSet::new();
        sealing::subjects(&json, &mut subjects)?;
        Ok(Self { id, subjects, json, sealed: None })
    }

    /// Seals it now, if the keys are at hand.
    fn seal_early(&mut self, key_of: impl Fn(Subject) -> Option<InUse>) -> Result<(), SealError> {
        let keys: Option<BTreeMap<Subject, InUse>> =
            self.subjects.iter().map(|subject| Some((*subject, key_of(*subject)?))).collect();
        if let Some(keys) = keys {
            let text = self.seal(|subject| keys.get(&subject))?;
            self.sealed = Some((keys.values().map(|key| key.id).collect(), text));
        }
        Ok(())
    }

    /// As it is stored under the keys of a group.
    pub(super) fn sealed(&self, month: NaiveDate, keys: &Keys) -> Result<Cow<'_, str>, SealError> {
        let key_of = |subject| keys.get(&(subject, month));
        match &self.sealed {
            Some((ids, text))
                if self
                    .subjects
                    .iter()
                    .map(|subject| key_of(*subject).map(|key| key.id))
                    .eq(ids.iter().map(|id| Some(*id))) =>
            {
                Ok(Cow::Borrowed(text))
            }
            _ => self.seal(key_of).map(Cow::Owned),
        }
    }

    fn seal<'a>(&self, key_of: impl Fn(Subject) -> Option<&'a InUse>) -> Result<String, SealError> {
        let mut json = self.json.clone();
        let key_of = |subject| key_of(subject).map(|found| (found.id, &found.key));
        sealing::seal(&mut json, self.id, &key_of)?;
        Ok(json.to_string())
    }
}

impl Prepared {
    pub(super) fn new(
        mut append: Append,
        ids: &dyn Ids,
        claim_key: &SealingKey,
        keys: &DataKeys,
    ) -> Result<Self, LogError> {
        let mut named = BTreeSet::new();
        if let Some(twice) = append.streams.iter().find(|part| !named.insert(part.stream)) {
            return Err(LogError::Corrupt(format!("an append names {:?} twice", twice.stream)));
        }
        // What is answered now is what will be read: the database keeps microseconds.
        append.recorded_at = append.recorded_at.trunc_subsecs(6);
        let date = append.recorded_at.date_naive();
        let month = date.with_day(1).unwrap_or(date);
        let workspace = append.context.workspace;
        let unsealable = |error: SealError| LogError::Corrupt(error.to_string());
        let mut payloads = vec![];
        for part in &append.streams {
            for event in &part.events {
                let json = to_json(part.stream, event)?;
                let mut payload = Payload::new(EventId::new(ids.next()), json).map_err(unsealable)?;
                payload.seal_early(|subject| keys.latest(workspace, (subject, month))).map_err(unsealable)?;
                payloads.push(payload);
            }
        }
        let (mut holds, mut releases, mut takes) = (vec![], vec![], vec![]);
        for change in &append.claims {
            match change {
                ClaimChange::Held { claim, owner } => {
                    holds.push((key_of(claim_key, workspace, claim), *owner))
                }
                ClaimChange::Release { claim, owner } => {
                    releases.push((key_of(claim_key, workspace, claim), *owner))
                }
                ClaimChange::Take { claim, owner } => {
                    takes.push((key_of(claim_key, workspace, claim), *owner))
                }
            }
        }
        let mut circumstances = Circumstances::new(&append, &payloads)?;
        circumstances.seal_early(|subject| keys.latest(workspace, (subject, month)));
        Ok(Self { append, payloads, holds, releases, takes, circumstances, month })
    }

    /// What it counts for in a group.
    pub(super) fn weight(&self) -> usize {
        self.payloads.len().max(1)
    }
}

fn to_json(stream: StreamId, event: &Event) -> Result<Value, LogError> {
    let fits = matches!(
        (stream, event),
        (StreamId::Workspace(_), Event::Workspace(_))
            | (StreamId::Instance(_), Event::Instance(_))
            | (StreamId::Customer(_), Event::Customer(_))
            | (StreamId::Chat(_), Event::Chat(_))
            | (StreamId::Message(_), Event::Message(_))
            | (StreamId::Job(_), Event::Job(_))
            | (StreamId::Webhook(_), Event::Webhook(_))
            | (StreamId::Checkpoint(_), Event::Checkpoint(_))
    );
    let json = if fits { event.to_json().ok() } else { None };
    json.ok_or_else(|| LogError::Corrupt(format!("{stream:?} cannot hold this {}", event.event_type())))
}

/// The keyed hash under which a claim is stored: the same value in another workspace, or of another kind, has another.
pub(super) fn key_of(key: &SealingKey, workspace: WorkspaceId, claim: &Claim) -> ClaimKey {
    let mut place = workspace.uuid().as_bytes().to_vec();
    place.extend(claim.kind.name().as_bytes());
    place.push(0);
    place.extend(claim.value.as_bytes());
    (claim.kind, key.fingerprint(&place))
}
