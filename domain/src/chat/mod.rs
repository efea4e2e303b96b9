//! A chat is a conversation with one customer through one instance.
//!
//! Opened, it may be assigned, put aside (snoozed) and closed; snoozed or closed it may be reopened. There is at most
//! one chat of a customer and an instance that is not closed (the claims of the append see to that). Its messages are
//! streams of their own, so that nothing grows without bound and two messages never conflict.

mod aggregate;
mod command;
mod error;
mod event;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use aggregate::Chat;
pub use command::ChatCommand;
pub use error::ChatError;
pub use event::ChatEvent;

/// Where a chat stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// Going on.
    Open,
    /// Put aside.
    Snoozed,
    /// Done.
    Closed,
}
