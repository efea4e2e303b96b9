//! The lines of `bundle.jsonl`. docs/audit-log.md specifies them for others.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use interflow_application::proof::{Hash, Leaf};
use interflow_domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Selection;

/// The form of these lines.
pub(super) const FORM: u32 = 1;

/// The first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    /// The form of the bundle.
    pub(super) interflow_bundle: u32,
    pub(super) workspace: WorkspaceId,
    pub(super) workspace_uuid: Uuid,
    pub(super) made_at: DateTime<Utc>,
    pub(super) selection: Selection,
    /// How many lines follow.
    pub(super) events: u64,
    /// The signed checkpoint that every path leads to.
    pub(super) checkpoint: String,
    /// The keys that it is signed with. Whoever can, compares them with those that were published.
    pub(super) keys: Vec<String>,
}

/// Every other line: an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line<'a> {
    pub(super) position: u64,
    pub(super) event_id: Uuid,
    pub(super) aggregate_type: Cow<'a, str>,
    pub(super) aggregate_id: Cow<'a, str>,
    pub(super) sequence: u64,
    pub(super) event_type: Cow<'a, str>,
    pub(super) event_version: Cow<'a, str>,
    pub(super) recorded_at: DateTime<Utc>,
    /// When it was recorded as the leaf has it.
    pub(super) recorded_micros: i64,
    /// As they are stored, byte for byte.
    pub(super) metadata: Cow<'a, str>,
    pub(super) payload: Cow<'a, str>,
    /// The payload with what is sealed in it open.
    pub(super) opened: Value,
    /// What opens it.
    pub(super) openings: Vec<ValueOpening>,
    /// From the leaf to the root, in base64.
    pub(super) path: Vec<String>,
}

/// The key of one sealed value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ValueOpening {
    /// Where the value is: a JSON pointer.
    pub(super) path: String,
    /// Of ChaCha20-Poly1305, in base64.
    pub(super) key: String,
}

impl Line<'_> {
    /// The leaf that it must be.
    pub(super) fn leaf(&self, workspace: Uuid) -> Option<Leaf> {
        Some(Leaf {
            workspace,
            position: self.position,
            event: self.event_id,
            sequence: self.sequence,
            recorded_at: DateTime::from_timestamp_micros(self.recorded_micros)?,
            metadata: Hash::of(self.metadata.as_bytes()),
            payload: Hash::of(self.payload.as_bytes()),
            aggregate_type: self.aggregate_type.clone().into_owned(),
            aggregate_id: self.aggregate_id.clone().into_owned(),
            event_type: self.event_type.clone().into_owned(),
            event_version: self.event_version.clone().into_owned(),
        })
    }
}
