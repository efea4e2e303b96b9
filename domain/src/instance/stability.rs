use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// So many connections that ended in trouble within [`FLAPPING_WINDOW`] are flapping.
pub const FLAPPING_DISCONNECTS: usize = 5;
/// Within this time; and a connection on which nothing broke for as long is stable again.
pub const FLAPPING_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// How well an instance's connection holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stability {
    /// When connections ended lately: at most one less than are flapping, oldest first.
    ends: Vec<DateTime<Utc>>,
    /// It was said that it flaps, and it has not been stable since.
    alarmed: bool,
}

impl Stability {
    /// Since when it flaps, and how many connections ended, when one more ended now; `None` when it does not flap or
    /// that was said already.
    #[must_use]
    pub(super) fn flapping(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, u32)> {
        let Self { ends, alarmed } = self.clone().passing(now);
        let disconnects = ends.len() + 1;
        let since = *ends.first()?;
        let flaps = disconnects >= FLAPPING_DISCONNECTS && !alarmed;
        flaps.then_some((since, u32::try_from(disconnects).unwrap_or(u32::MAX)))
    }

    /// After one more connection ended.
    #[must_use]
    pub(super) fn broken(self, at: DateTime<Utc>) -> Self {
        let mut stability = self.passing(at);
        stability.ends.push(at);
        if stability.ends.len() >= FLAPPING_DISCONNECTS {
            stability.ends.remove(0);
        }
        stability
    }

    /// After it was said.
    #[must_use]
    pub(super) fn said(self) -> Self {
        Self { alarmed: true, ..self }
    }

    /// What still counts at this time.
    fn passing(mut self, now: DateTime<Utc>) -> Self {
        self.ends.retain(|end| now - *end <= FLAPPING_WINDOW);
        self.alarmed &= !self.ends.is_empty();
        self
    }
}
