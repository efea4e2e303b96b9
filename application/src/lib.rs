//! What Interflow does: one use case a file, and the ports they need. Depends on `domain` alone.
//!
//! Cast:
//! - a *use case* ([`UseCase`]) decides; [`Core::run`] loads, decides, appends, and decides again when it lost a race;
//! - the *event log* ([`log::EventLog`]) makes what was decided durable, with claims and riders, atomically;
//! - the *read models* ([`read::Reads`]) answer questions, and what they showed once ([`past::PastReads`]) does too;
//! - the *gateway* ([`gateway::Gateway`]) owns the WhatsApp sessions of this node, through the engine's port
//!   ([`whatsapp::Engine`]);
//! - [`Erasures`] make the log forget a customer, [`Retention`] what is in old messages;
//! - the *audit* ([`audit`]) shows who did what, because of what;
//! - the *proof* ([`proof`]) makes a workspace's log one that nobody can rewrite unnoticed;
//! - the *live feed* ([`live::Live`]) tells whoever listens what happens, as it does;
//! - *wake-ups* ([`wakeups::Wakeups`]) say that something was appended, also by another process.

pub mod audit;
mod backoff;
mod claim;
mod clock;
mod context;
mod core;
mod decision;
mod erasure;
mod error;
pub mod gateway;
mod idempotency;
pub mod key_uses;
pub mod limits;
pub mod live;
pub mod log;
pub mod metadata;
pub mod past;
pub mod proof;
pub mod read;
mod retention;
mod timeline;
mod trace;
pub mod usage;
mod use_cases;
pub mod wakeups;
pub mod webhook;
pub mod whatsapp;

pub use backoff::Backoff;
pub use claim::{Claim, ClaimKind};
pub use clock::{Clock, Ids};
pub use context::{Actor, Context};
pub use core::{Core, Done, UseCase};
pub use decision::Decision;
pub use erasure::{Certificate, Erasures};
pub use error::{Error, FieldError, Resource};
pub use idempotency::{Answer, AnswerStore, Command, RecordedCommand, ResourceRef};
pub use retention::{Expired, Keeper, Retention};
pub use timeline::{Moment, MomentKind, Timeline, timeline};
pub use trace::{InvalidTrace, Trace};
pub use use_cases::*;
