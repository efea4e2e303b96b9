//! Wake-ups: who waits for what others append hears of it before its next poll, in every process.
//!
//! A wake-up is a hint where to look. It may come twice, late or never; what is so stands in the log. Whoever is woken
//! by one polls as well.

use interflow_domain::{InstanceId, MessageId, WorkspaceId};
use tokio::sync::{broadcast, watch};

use crate::live::Sign;

/// Where something new may be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wakeup {
    /// The log of a workspace reaches this position.
    Appended {
        /// The workspace.
        workspace: WorkspaceId,
        /// The last position that is known.
        position: u64,
    },
    /// An instance has something to send.
    SendQueued {
        /// The instance.
        instance: InstanceId,
    },
    /// Another process has carried out a send, or has given it up.
    SendDone {
        /// The message.
        message: MessageId,
    },
    /// Something of a workspace was erased: what is remembered of it may have to be forgotten.
    Erased {
        /// The workspace.
        workspace: WorkspaceId,
    },
    /// A customer does something that is in no log. It is the whole of it: whoever does not hear it never will.
    Sign {
        /// The workspace.
        workspace: WorkspaceId,
        /// What the customer does.
        sign: Sign,
    },
    /// Wake-ups may have been lost: anything may be new.
    Lost,
}

/// Hears of what is appended, by this process and by others.
pub trait Wakeups: Send + Sync {
    /// The last position that was heard of in a workspace's log; 0 until one was. Changes when there is more to read,
    /// and without a new position when wake-ups may have been lost.
    fn positions(&self, workspace: WorkspaceId) -> watch::Receiver<u64>;

    /// Every wake-up from now on. Who is too slow is told so, and has to take it for [`Wakeup::Lost`].
    fn subscribe(&self) -> broadcast::Receiver<Wakeup>;

    /// Tells whoever listens, in this process and in others, of a sign of a customer.
    fn sign(&self, workspace: WorkspaceId, sign: Sign);
}
