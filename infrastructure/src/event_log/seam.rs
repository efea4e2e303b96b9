//! Where an append can be stopped from outside, so that a test can take something away at exactly that moment.

use std::fmt;

use async_trait::async_trait;
use interflow_domain::WorkspaceId;

/// A moment in the life of a group's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The group is gathered, and has no transaction yet.
    BeforeBegin,
    /// The workspace's head is locked, and nothing is read or written.
    AfterLock,
    /// Events, streams, head, claims and riders are written, and the read models are not.
    AfterInsert,
    /// Everything is written.
    BeforeCommit,
    /// Everything is durable, and nobody has been answered.
    AfterCommit,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::BeforeBegin, Self::AfterLock, Self::AfterInsert, Self::BeforeCommit, Self::AfterCommit];
}

/// Who is told of every step, and may hold it up. A server has none.
#[async_trait]
pub trait Seam: fmt::Debug + Send + Sync {
    /// A group of this workspace is at this step, and goes on when this returns.
    async fn reached(&self, step: Step, workspace: WorkspaceId);
}
