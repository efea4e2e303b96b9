//! The one place where the simulator reads a clock.
//!
//! Stanza timestamps, certificate windows and the times in the control face all come from here.

use chrono::{DateTime, Utc};

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator stands outside the gateway: nothing of the gateway's time passes through it"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Seconds since the epoch, the unit of every `t` attribute.
pub(crate) fn seconds() -> u64 {
    u64::try_from(now().timestamp()).unwrap_or_default()
}

/// Milliseconds since the epoch.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(now().timestamp_millis()).unwrap_or_default()
}
