//! Contents of messages are forgotten when they are so old as their workspace says.
//!
//! The [`Keeper`] looks every hour which workspaces have months that are wholly older, and lets [`Retention`] forget them
//! in parts: each is one transaction that leaves nothing of its messages' contents but a certificate. What a crash broke
//! off is found by the next look, on whatever server, since what is left to be done is what is still there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use interflow_domain::WorkspaceId;

use crate::{Actor, Context, Core, Error};

/// How often it is looked whether a month has become too old.
const EVERY: Duration = Duration::from_secs(3600);
/// How long appends of the workspace go first, between two parts.
const BREATHER: Duration = Duration::from_millis(100);

/// What was forgotten at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// How many data keys were destroyed, one a customer and month. None when there was nothing left.
    pub data_keys: u64,
    /// How many messages lost their contents.
    pub messages: u64,
    /// How many attempts at webhook deliveries lost what their receiver answered.
    pub webhook_attempts: u64,
}

/// Destroys the contents of old messages.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Forgets the contents of some of the messages that were recorded before this day, the first of a month, in one
    /// transaction: destroys their data keys, scrubs what shows them, and records that.
    async fn expire(&self, context: &Context, before: NaiveDate) -> Result<Expired, Error>;
}

/// Sees to it that old messages are forgotten.
#[derive(Clone)]
pub struct Keeper {
    core: Core,
    retention: Arc<dyn Retention>,
}

impl Keeper {
    /// A keeper that does nothing yet.
    #[must_use]
    pub const fn new(core: Core, retention: Arc<dyn Retention>) -> Self {
        Self { core, retention }
    }

    /// Looks at once and then every hour, for as long as it runs.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "old messages could not be forgotten: it is tried again within the hour");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Forgets all that is old enough now. One workspace whose turn fails keeps no other from it.
    pub async fn sweep(&self) -> Result<Expired, Error> {
        let (mut all, mut failed) = (Expired::default(), None);
        for (workspace, retention) in self.core.reads.retentions().await? {
            let before = retention.keeps_from(self.core.clock.now());
            match self.expire(workspace, before).await {
                Ok(expired) => all = all.and(expired),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(all), Err)
    }

    async fn expire(&self, workspace: WorkspaceId, before: NaiveDate) -> Result<Expired, Error> {
        let mut all = Expired::default();
        loop {
            let request_id = format!("req_{}", self.core.ids.next().simple());
            let context = Context::internal(workspace, Actor::System("retention"), request_id);
            let expired = self.retention.expire(&context, before).await?;
            all = all.and(expired);
            if expired.data_keys == 0 {
                break;
            }
            tokio::time::sleep(BREATHER).await;
        }
        if all.data_keys > 0 {
            tracing::info!(
                %workspace, %before, data_keys = all.data_keys, messages = all.messages,
                "contents of old messages were forgotten"
            );
        }
        Ok(all)
    }
}

impl Expired {
    const fn and(self, other: Self) -> Self {
        Self {
            data_keys: self.data_keys + other.data_keys,
            messages: self.messages + other.messages,
            webhook_attempts: self.webhook_attempts + other.webhook_attempts,
        }
    }
}
