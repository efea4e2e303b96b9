//! A clock that goes faster than others, so that days of retries pass in a test: `INTERFLOW_LAB_CLOCK=SINCE:TIMES` is a
//! time that was the same for all at `SINCE`, in milliseconds of the Unix epoch, and goes `TIMES` as fast since. Processes
//! that are started with the same words have the same time, whenever they are. No other program has this.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use interflow_application::Clock;
use interflow_infrastructure::clock::SystemClock;

use crate::person::Failure;

/// The clock that the environment asks for, if it asks for one.
pub fn from_environment() -> Result<Option<Arc<dyn Clock>>, Failure> {
    let Ok(text) = std::env::var("INTERFLOW_LAB_CLOCK") else { return Ok(None) };
    let (since, times) = text.split_once(':').ok_or("INTERFLOW_LAB_CLOCK is SINCE:TIMES")?;
    let since = DateTime::from_timestamp_millis(since.parse()?).ok_or("INTERFLOW_LAB_CLOCK: no such time")?;
    Ok(Some(Arc::new(Haste { since, times: times.parse()? })))
}

struct Haste {
    since: DateTime<Utc>,
    times: i32,
}

impl Clock for Haste {
    fn now(&self) -> DateTime<Utc> {
        self.since + (SystemClock.now() - self.since) * self.times
    }
}
