//! Events of older shapes, brought to today's while they are read.
//!
//! What is stored is never changed. An event whose shape changes gets a new `event_version`; an upcaster for its type
//! is added to [`KNOWN`], below those that came before it, and takes each event that is older. It works on what is
//! open: a personal value is `{"$p":{"s":subject,"v":value}}` or erased. What is still not of today's version after
//! them all stops the reader: it is of a build that knows more than this one, or an upcaster is missing.
//!
//! `SemanticVersionEventUpcaster` of cqrs-es writes three numbers, so the event it makes must say `1.1.0`, not `1.1`.

use std::sync::LazyLock;

use cqrs_es::persist::{EventUpcaster, SerializedEvent};

/// In the order in which they are applied, each at most once to an event.
pub(super) type Upcasters = [Box<dyn EventUpcaster>];

/// All there are. Until now every event is of version 1.0.
static KNOWN: LazyLock<Vec<Box<dyn EventUpcaster>>> = LazyLock::new(Vec::new);

/// The upcasters of this build.
pub(super) fn known() -> &'static Upcasters {
    &KNOWN
}

/// Whether any of them would change this event: most are of today's shape and need not be taken apart.
pub(super) fn concerns(upcasters: &Upcasters, event_type: &str, event_version: &str) -> bool {
    upcasters.iter().any(|upcaster| upcaster.can_upcast(event_type, event_version))
}

/// The event in today's shape.
pub(super) fn lift(upcasters: &Upcasters, event: SerializedEvent) -> SerializedEvent {
    upcasters.iter().fold(event, |event, upcaster| {
        if upcaster.can_upcast(&event.event_type, &event.event_version) {
            upcaster.upcast(event)
        } else {
            event
        }
    })
}
