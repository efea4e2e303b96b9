//! What the gateway needs of storage: leases on instances, and the outbox.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, InstanceId, MessageId, WorkspaceId};

use crate::log::LogError;
use crate::whatsapp::SessionSpec;

/// Which node owns an instance's session. Times are on the database's clock.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes the lease of an instance for this node and returns its new epoch; `None` while another node that is
    /// alive holds it. Taking it again raises the epoch, which fences whatever ran under the one before.
    async fn acquire(&self, workspace: WorkspaceId, instance: InstanceId) -> Result<Option<i64>, LogError>;

    /// Gives the lease back, if this node still holds it at this epoch.
    async fn release(&self, workspace: WorkspaceId, instance: InstanceId, epoch: i64)
    -> Result<(), LogError>;

    /// Says that this node is alive. To be called more often than leases expire.
    async fn heartbeat(&self) -> Result<(), LogError>;

    /// The leases this node holds at this moment, with their epochs.
    async fn held(&self) -> Result<HashMap<InstanceId, i64>, LogError>;

    /// The instances whose leases other nodes hold that are alive.
    async fn held_by_others(&self) -> Result<HashSet<InstanceId>, LogError>;
}

/// A node that has not been heard of for so long has lost its leases, unless another time is set.
pub const LEASE_EXPIRY: Duration = Duration::from_secs(15);

/// A send that is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingSend {
    /// The message.
    pub message: MessageId,
    /// Its chat.
    pub chat: ChatId,
    /// How often it was tried.
    pub attempts: u32,
    /// When the attempts end.
    pub deadline: DateTime<Utc>,
    /// Whether it waits for its turn ([`Outbox::take_turn`]).
    pub waits_turn: bool,
}

/// The sends that the log's appends have asked for ([`crate::log::Rider::Send`]).
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The first waiting send of each chat of an instance that is due, oldest first; and last, when the instance's pace
    /// lets one go, the first bulk message that waits for its turn and has no send of its chat before it.
    ///
    /// A bulk message holds nobody back before its turn: single sends, of its own chat too, go ahead of it.
    async fn due(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<PendingSend>, LogError>;

    /// When the next send of an instance that is not due yet will be.
    async fn next_due(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, LogError>;

    /// Gives a bulk message its turn, if the instance's pace lets one go now: it becomes a send like any other, whose
    /// attempts end when its patience does, and the instance's next turn is not before `next`. Gives its new deadline;
    /// `None` when it is not its turn, it is gone, or the lease was lost.
    ///
    /// The pace is stored, so that it is kept over a restart, and a pause is not made up for.
    async fn take_turn(
        &self,
        spec: SessionSpec,
        message: MessageId,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, LogError>;

    /// How many bulk messages of an instance wait for their turn.
    async fn waiting_turns(&self, workspace: WorkspaceId, instance: InstanceId) -> Result<u64, LogError>;

    /// Notes a failed attempt; the send, and those of its chat behind it, wait until then. Nothing is noted by right
    /// of a lease that was lost.
    async fn postpone(
        &self,
        spec: SessionSpec,
        message: MessageId,
        until: DateTime<Utc>,
    ) -> Result<(), LogError>;

    /// Sends of any workspace whose deadline has passed, oldest first.
    async fn overdue(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, InstanceId, MessageId)>, LogError>;

    /// Every waiting send of an instance.
    async fn of_instance(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
    ) -> Result<Vec<MessageId>, LogError>;
}
