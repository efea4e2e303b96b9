//! The embedded server against a real PostgreSQL, with real kills. Each test has a data directory of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "it/accounts.rs"]
mod accounts;
#[path = "it/crashes.rs"]
mod crashes;
#[path = "it/helper.rs"]
mod helper;
#[path = "it/places.rs"]
mod places;
#[path = "it/starts.rs"]
mod starts;
#[path = "it/support.rs"]
mod support;
