//! How many requests a workspace may make: its plan's quota, counted in windows of a minute and divided among its keys.
//!
//! A window begins with the first request after the one before has ended. At its beginning each key that asked in the
//! window before gets set aside what it used then, or, if it was refused, an equal share of the quota; never more than
//! an equal share. What is not set aside is anybody's. So a key that floods cannot take what another one uses, nor,
//! from the next window on, the share of one that wants more; and a key that is alone has all of it.

use std::time::Duration;

use async_trait::async_trait;
use interflow_domain::workspace::Plan;
use interflow_domain::{KeyId, WorkspaceId};

use crate::log::LogError;

/// How long a window lasts.
pub const WINDOW: Duration = Duration::from_secs(60);

/// The requests a plan allows in a window; `None` when it bounds nothing.
#[must_use]
pub const fn quota(plan: Plan) -> Option<u32> {
    match plan {
        Plan::Starter => Some(60),
        Plan::Professional => Some(300),
        Plan::Enterprise => Some(1000),
        Plan::Unlimited => None,
    }
}

/// Where a key stands after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the request may be served. A refused one was not counted.
    pub admitted: bool,
    /// How many more the key may make in this window, if no other key is quicker.
    pub remaining: u32,
    /// When the window ends.
    pub resets_in: Duration,
}

/// Counts requests, on the database's clock and for all server processes together.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Counts so many requests of a key against the quota of its workspace, as far as they are admitted; all are when
    /// the last one is. Another quota than at the last call takes effect at once: what was used of the window stays
    /// used.
    async fn count(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        quota: u32,
        requests: u32,
    ) -> Result<Standing, LogError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotas_are_those_of_the_plans() {
        let plans = [Plan::Starter, Plan::Professional, Plan::Enterprise, Plan::Unlimited];
        assert_eq!(plans.map(quota), [Some(60), Some(300), Some(1000), None]);
    }
}
