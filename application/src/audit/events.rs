//! Events as an auditor sees them, and which of them are wanted.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use interflow_domain::{EventId, InstanceId, InvalidValue, KeyId};
use serde_json::Value;

use crate::log::StreamId;
use crate::read::TimeRange;

/// An event as an auditor sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEvent {
    /// Its id.
    pub id: EventId,
    /// Its place in the workspace's log, from 1.
    pub position: u64,
    /// What it happened to.
    pub aggregate: Aggregate,
    /// Its place among the events of that, from 1.
    pub version: u64,
    /// Its type, as it is stored.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Under which circumstances.
    pub circumstances: Circumstances,
    /// What it says, as [`super::shown`] has it.
    pub payload: Value,
    /// Whether something it says was erased.
    pub erased: bool,
}

/// What events happen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// Its type in storage: `instance` is what the API calls a channel.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// Under which circumstances an event was recorded. Events of earlier versions of this program lack some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// Who: `key:…`, `system:…`, `whatsapp:…` or `operator`.
    pub actor: Option<String>,
    /// The request it was recorded in.
    pub request_id: Option<String>,
    /// The request that all of it goes back to.
    pub correlation_id: Option<String>,
    /// The event it follows from.
    pub causation_id: Option<String>,
    /// The span of W3C Trace Context it was recorded in.
    pub traceparent: Option<String>,
    /// Where the caller called from.
    pub client_address: ClientAddress,
}

/// Where a caller called from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAddress {
    /// There was no caller, or its address is not known.
    #[default]
    None,
    /// From here.
    Known(IpAddr),
    /// It is kept no longer.
    Erased,
}

/// Which events. Conditions are combined with "and".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// That happened to this.
    pub stream: Option<StreamId>,
    /// Of these types; none is all.
    pub types: BTreeSet<&'static str>,
    /// By this actor, as it is stored.
    pub actor: Option<String>,
    /// That go back to this request.
    pub correlation: Option<String>,
    /// Recorded when.
    pub recorded: TimeRange,
    /// At which positions.
    pub positions: Span,
}

/// A stretch of the log, without its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Behind this position.
    pub after: Option<u64>,
    /// Before this one.
    pub before: Option<u64>,
}

/// Which part of the events that fit: the next of them from a position on, to one side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The position the part begins behind; at the log's end, or beginning, when absent.
    pub from: Option<u64>,
    /// Whether it goes to higher positions.
    pub ascending: bool,
    /// How many events, at most.
    pub size: u32,
}

/// Part of the events that fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The events, in the order of the stretch.
    pub events: Vec<AuditEvent>,
    /// The position behind which there may be more of them. There may be though there are few events, or none: when so
    /// many did not fit that the search was left off.
    pub more_from: Option<u64>,
}

impl Span {
    /// Whether nothing can be within it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.after.zip(self.before).is_some_and(|(after, before)| after.saturating_add(1) >= before)
    }
}

/// An actor by the name that is stored with events. A key and an instance may be given by their ids alone.
pub fn named_actor(text: &str) -> Result<String, InvalidValue> {
    const RULE: InvalidValue =
        InvalidValue("must be an actor: 'key:key_…', 'whatsapp:ins_…', 'system:…' or 'operator'");
    let (kind, name) = text.split_once(':').unwrap_or(("", text));
    let key = || name.parse::<KeyId>().map(|id| format!("key:{id}"));
    let instance = || name.parse::<InstanceId>().map(|id| format!("whatsapp:{id}"));
    match kind {
        "" if name == "operator" => Ok(name.to_owned()),
        "" if name.starts_with(KeyId::PREFIX) => key().map_err(|_| RULE),
        "" if name.starts_with(InstanceId::PREFIX) => instance().map_err(|_| RULE),
        "key" => key().map_err(|_| RULE),
        "whatsapp" => instance().map_err(|_| RULE),
        "system" if (1..=64).contains(&name.len()) && name.bytes().all(is_name) => Ok(text.to_owned()),
        _ => Err(RULE),
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b' ' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_named_as_it_is_stored() {
        let (key, instance) = (KeyId::default(), InstanceId::default());
        for (text, stored) in [
            (format!("key:{key}"), format!("key:{key}")),
            (key.to_string(), format!("key:{key}")),
            (instance.to_string(), format!("whatsapp:{instance}")),
            (format!("whatsapp:{instance}"), format!("whatsapp:{instance}")),
            ("system:sender".to_owned(), "system:sender".to_owned()),
            ("operator".to_owned(), "operator".to_owned()),
        ] {
            assert_eq!(named_actor(&text).unwrap(), stored);
        }
        for text in ["", "key:", "key:ins_x", "sender", "system:", "system:A", "operator:x", "whatsapp:key_x"]
        {
            assert!(named_actor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_without_a_position_is_empty() {
        let span = |after, before| Span { after: Some(after), before: Some(before) };
        assert!(span(3, 4).is_empty() && span(4, 3).is_empty() && !span(3, 5).is_empty());
        assert!(!Span::default().is_empty());
    }
}
