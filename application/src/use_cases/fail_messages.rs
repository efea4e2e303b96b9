use async_trait::async_trait;
use interflow_domain::message::{FailureReason, Message, MessageCommand};
use interflow_domain::{InstanceId, MessageId};

use crate::log::{Rider, StreamId};
use crate::metadata::Origin;
use crate::{Decision, Error, UseCase};

/// Gives up messages that are still queued.
#[derive(Debug, Clone)]
pub struct FailMessages {
    /// The messages.
    pub messages: Vec<MessageId>,
    /// Why.
    pub reason: FailureReason,
    /// The lease's epoch, when a session says so: what a fenced session says is not recorded.
    pub fence: Option<(InstanceId, i64)>,
}

#[async_trait]
impl UseCase for FailMessages {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        if let Some((instance, epoch)) = self.fence {
            decision.ride(Rider::Fence { instance, epoch });
        }
        let mut failed = vec![];
        for message in &self.messages {
            let command = MessageCommand::FailMessage { reason: self.reason.clone() };
            let stream = StreamId::Message(*message);
            if decision.execute::<Message>(stream, command).await? {
                failed.push(stream);
            }
            decision.ride(Rider::SendDone { message: *message });
        }
        decision.follows_from(&failed, Origin::First).await
    }
}
