//! An append made ready for its group, in its caller's task: everything that needs no lock is done by now.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, SubsecRound};
use interflow_application::log::{Append, ClaimChange, Event, LogError, StreamId};
use interflow_application::{Claim, ClaimKind, Context, Ids};
use interflow_domain::{EventId, WorkspaceId};
use interflow_vault::SealingKey;
use serde_json::Value;

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
    pub(super) metadata: String,
    /// The month whose data keys seal it.
    pub(super) month: NaiveDate,
}

/// An event's id, and what of it is stored once it is sealed.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) id: EventId,
    pub(super) json: Value,
}

impl Prepared {
    pub(super) fn new(mut append: Append, ids: &dyn Ids, claim_key: &SealingKey) -> Result<Self, LogError> {
        let mut named = BTreeSet::new();
        if let Some(twice) = append.streams.iter().find(|part| !named.insert(part.stream)) {
            return Err(LogError::Corrupt(format!("an append names {:?} twice", twice.stream)));
        }
        // What is answered now is what will be read: the database keeps microseconds.
        append.recorded_at = append.recorded_at.trunc_subsecs(6);
        let mut payloads = vec![];
        for part in &append.streams {
            for event in &part.events {
                payloads.push(Payload { id: EventId::new(ids.next()), json: to_json(part.stream, event)? });
            }
        }
        let workspace = append.context.workspace;
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
        let metadata = metadata(&append.context)?;
        let date = append.recorded_at.date_naive();
        let month = date.with_day(1).unwrap_or(date);
        Ok(Self { append, payloads, holds, releases, takes, metadata, month })
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

/// The flat map of texts that cqrs-es expects.
fn metadata(context: &Context) -> Result<String, LogError> {
    let mut map = BTreeMap::from([
        ("actor", context.actor.to_string()),
        ("request_id", context.request_id.clone()),
        ("correlation_id", context.request_id.clone()),
    ]);
    if let Some(causation) = context.causation {
        map.insert("causation_id", causation.to_string());
    }
    serde_json::to_string(&map)
        .map_err(|_| LogError::Corrupt("the metadata of an event is no JSON".to_owned()))
}
