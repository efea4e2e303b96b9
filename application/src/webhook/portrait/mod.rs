//! Portraits: what an aggregate looked like to the outside after some of its events.
//!
//! The read models fold the same events into rows, but a row shows the present and may be shown otherwise tomorrow. A
//! portrait is of a moment in the past, and what a schema version makes of it never changes; so it has folds of its own.

mod channel;
mod chat;
mod checkpoint;
mod customer;
mod endpoint;
mod known;
mod message;

pub use channel::{ChannelPortrait, Disconnect, Flapping};
pub use chat::ChatPortrait;
pub use checkpoint::CheckpointPortrait;
pub use customer::CustomerPortrait;
pub use endpoint::{EndpointPortrait, EndpointStatus};
pub use known::Known;
pub use message::MessagePortrait;

use crate::log::RecordedEvent;

/// What is folded from the events of one stream, in order.
pub trait Portrait: Sized {
    /// Folds one more event in.
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent);

    /// What these events make.
    #[must_use]
    fn of(events: &[RecordedEvent]) -> Option<Self> {
        let mut portrait = None;
        events.iter().for_each(|recorded| Self::fold(&mut portrait, recorded));
        portrait
    }
}
