//! What several of the tests need.

use std::time::Duration;

pub mod api;
pub mod database;
pub mod lab;
pub mod phones;

/// How long anything may take on a busy machine before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);
