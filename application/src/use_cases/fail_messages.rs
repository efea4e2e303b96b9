use async_trait::async_trait;
use interflow_domain::MessageId;
use interflow_domain::message::{FailureReason, Message, MessageCommand};

use crate::log::{Rider, StreamId};
use crate::{Decision, Error, UseCase};

/// Gives up messages that are still queued.
#[derive(Debug, Clone)]
pub struct FailMessages {
    /// The messages.
    pub messages: Vec<MessageId>,
    /// Why.
    pub reason: FailureReason,
}

#[async_trait]
impl UseCase for FailMessages {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        for message in &self.messages {
            let command = MessageCommand::FailMessage { reason: self.reason.clone() };
            decision.execute::<Message>(StreamId::Message(*message), command).await?;
            decision.ride(Rider::SendDone { message: *message });
        }
        Ok(())
    }
}
