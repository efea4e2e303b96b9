//! Adapters: everything that the application's ports need of the world outside. All SQL of this program lives in this
//! crate and in those beneath its folder.
//!
//! Cast:
//! - [`database`] connects and migrates; [`clock`] is the machine's time and ids;
//! - [`erasure`] makes the log forget a customer, [`retention`] the contents of old messages;
//! - [`event_log`] is the log itself, with its grouped appends, claims and riders; [`answers`] finds again what a
//!   repeated command was answered;
//! - [`read_models`] are written inside the appends and answer queries; [`projections`] makes them again from the log;
//! - [`keyring`] has the keys that everything is sealed and found by, and gives them to another master key;
//! - [`proof`] makes the log one that nobody rewrites unnoticed;
//! - [`outbox`] finds the sends that appends asked for; [`leases`] says which node owns an instance's session;
//! - [`wakeups`] tells who waits, in this process and in others, that something was appended;
//! - [`webhooks`] keeps what webhook endpoints are told, and tells it.

pub mod answers;
pub mod audit;
mod batch;
pub mod clock;
pub mod database;
pub mod erasure;
pub mod event_log;
pub mod key_uses;
pub mod keyring;
pub mod leases;
pub mod limiter;
pub mod outbox;
pub mod projections;
pub mod proof;
pub mod read_models;
mod recent;
pub mod retention;
pub mod usage;
pub mod wakeups;
pub mod webhooks;
