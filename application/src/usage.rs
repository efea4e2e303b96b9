//! What a workspace has and does, counted from its log.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use interflow_domain::WorkspaceId;

use crate::log::LogError;

/// What a workspace has, and what went through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The events in its log.
    pub events: u64,
    /// Customers that are not deleted.
    pub customers: u64,
    /// Chats, closed ones among them.
    pub chats: u64,
    /// Channels that are not deleted.
    pub channels: u64,
    /// Keys that are not revoked.
    pub keys: u64,
    /// Messages since the beginning.
    pub messages: Traffic,
    /// Messages on each of the last [`Usage::DAYS`] days (UTC), the earliest first, today last.
    pub days: Vec<(NaiveDate, Traffic)>,
}

impl Usage {
    /// How many days are told one by one.
    pub const DAYS: u16 = 30;
}

/// Messages by their direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Those that came in.
    pub inbound: u64,
    /// Those that were queued, and those that were sent from the phone.
    pub outbound: u64,
}

/// Counts.
#[async_trait]
pub trait UsageMeter: Send + Sync {
    /// What is counted of a workspace at a time, all of its log included.
    async fn usage(&self, workspace: WorkspaceId, now: DateTime<Utc>) -> Result<Usage, LogError>;
}
