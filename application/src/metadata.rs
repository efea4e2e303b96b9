//! The circumstances of an event: who, when asked for what, because of what.
//!
//! They are stored beside the event as one flat map of texts, as cqrs-es has them, and are no part of what is folded.
//! Recorded events carry the map as it is stored; it is taken apart where somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use interflow_domain::EventId;

use crate::log::StreamId;
use crate::{Context, Trace};

/// Who acted ([`crate::Actor`]).
pub const ACTOR: &str = "actor";
/// The request it was recorded in.
pub const REQUEST_ID: &str = "request_id";
/// The request that all of it goes back to.
pub const CORRELATION_ID: &str = "correlation_id";
/// The event it follows from.
pub const CAUSATION_ID: &str = "causation_id";
/// The span it was recorded in, of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// The address of the caller, sealed.
pub const CLIENT_ADDRESS: &str = "client_address";

/// An event that others follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Which.
    pub event: EventId,
    /// The request that it goes back to.
    pub correlation: String,
    /// The span it was recorded in.
    pub trace: Option<Trace>,
}

/// What the events of a stream in an append follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CausedBy {
    /// An event that there is.
    Event(Cause),
    /// The first event of another stream in the same append, if it has one.
    Within(StreamId),
}

/// Which event of a stream others follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Its first.
    First,
    /// Its latest of this type.
    Latest(&'static str),
}

/// The circumstances of an event, as they are stored.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Metadata(Arc<str>);

impl Metadata {
    /// From the text that is stored.
    #[must_use]
    pub fn stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All of it by name; nothing of what is no map of texts.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<String, String> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The span it was recorded in.
    #[must_use]
    pub fn trace(&self) -> Option<Trace> {
        self.fields().get(TRACEPARENT)?.parse().ok()
    }

    /// As the cause of others.
    #[must_use]
    pub fn cause(&self, event: EventId) -> Cause {
        let mut fields = self.fields();
        let trace = fields.get(TRACEPARENT).and_then(|text| text.parse().ok());
        Cause { event, correlation: fields.remove(CORRELATION_ID).unwrap_or_default(), trace }
    }
}

/// Without the text, which names people's requests.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metadata(…)")
    }
}

/// The circumstances of what is recorded now, but for the caller's address.
#[must_use]
pub fn fields(
    context: &Context,
    cause: Option<&Cause>,
    causation: Option<EventId>,
) -> BTreeMap<&'static str, String> {
    let correlation = cause.map_or(&context.request_id, |cause| &cause.correlation);
    let parent = cause.and_then(|cause| cause.trace);
    let trace = parent.map_or(context.trace, |parent| context.trace.within(parent));
    let mut fields = BTreeMap::from([
        (ACTOR, context.actor.to_string()),
        (REQUEST_ID, context.request_id.clone()),
        (CORRELATION_ID, correlation.clone()),
        (TRACEPARENT, trace.to_string()),
    ]);
    if let Some(event) = cause.map(|cause| cause.event).or(causation).or(context.causation) {
        fields.insert(CAUSATION_ID, event.to_string());
    }
    fields
}

#[cfg(test)]
mod tests {
    use interflow_domain::WorkspaceId;
    use uuid::Uuid;

    use super::*;
    use crate::Actor;

    fn context() -> Context {
        Context::internal(WorkspaceId::default(), Actor::System("sender"), "req_2".to_owned())
    }

    #[test]
    fn what_follows_from_an_event_belongs_to_the_request_it_goes_back_to() {
        let event = EventId::new(Uuid::from_u128(7));
        let trace = Trace::named("req_1");
        let cause = Cause { event, correlation: "req_1".to_owned(), trace: Some(trace) };
        let fields = fields(&context(), Some(&cause), None);
        assert_eq!((&*fields[ACTOR], &*fields[REQUEST_ID]), ("system:sender", "req_2"));
        assert_eq!((&*fields[CORRELATION_ID], &*fields[CAUSATION_ID]), ("req_1", &*event.to_string()));
        let own: Trace = fields[TRACEPARENT].parse().unwrap();
        assert_eq!(own.trace_id(), trace.trace_id());
        assert_ne!(own, trace);

        let stored = Metadata::stored(serde_json::to_string(&fields).unwrap());
        let next = stored.cause(event);
        assert_eq!((next.correlation.as_str(), next.trace), ("req_1", Some(own)));
    }

    #[test]
    fn what_nobody_caused_begins_with_its_own_request() {
        let fields = fields(&context(), None, None);
        assert_eq!(&*fields[CORRELATION_ID], "req_2");
        assert_eq!(fields[TRACEPARENT], Trace::named("req_2").to_string());
        assert!(!fields.contains_key(CAUSATION_ID));
        assert_eq!(Metadata::stored("no map").cause(EventId::default()).correlation, "");
    }
}
