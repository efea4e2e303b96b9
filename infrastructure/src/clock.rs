//! The ports for time and ids, as the machine answers them.

use chrono::{DateTime, Utc};
use interflow_application::{Clock, Ids};
use uuid::Uuid;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place behind the Clock port")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// UUIDv7 on the machine's clock, ascending within this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place behind the Ids port")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
