//! A customer is a person the workspace talks with.
//!
//! Created by a caller, by a message that came in, or by one that goes out to an unknown number. What is known of a
//! customer is replaced as a whole by callers; WhatsApp adds what it says (a number, a LID, a shown name) and never
//! replaces what a caller said. A customer is known by a number, an e-mail address or a LID, at least one, each
//! unique in its workspace (the claims of the append see to that). Deleted, it is gone, and these are free again.
//! Erased, nothing that was known of it can be read any more, and it is never known again: whoever writes from the same
//! number is another customer.

mod aggregate;
mod command;
mod erasure;
mod error;
mod event;
mod profile;
#[cfg(test)]
mod tests;

pub use aggregate::Customer;
pub use command::CustomerCommand;
pub use erasure::{Destroyed, ErasureReason};
pub use error::CustomerError;
pub use event::CustomerEvent;
pub use profile::{Profile, ProfileDraft};
