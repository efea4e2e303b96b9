//! What several of the tests need.

use std::time::Duration;

pub mod api;
pub mod database;
pub mod invariants;
pub mod lab;
pub mod page;
pub mod phones;
pub mod plans;
pub mod receiver;
pub mod socket;
pub mod sse;

/// How long anything may take on a busy machine before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a person what a test's outcome does not show: the seed of a random run, or why something was skipped.
#[expect(clippy::print_stdout, reason = "the test runner keeps it with the test's own output")]
pub fn say(text: &str) {
    println!("{text}");
}
