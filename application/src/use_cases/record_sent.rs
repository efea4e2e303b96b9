use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::message::{Message, MessageCommand};
use interflow_domain::{InstanceId, MessageId};

use crate::log::{Rider, StreamId};
use crate::metadata::Origin;
use crate::{Decision, Error, UseCase};

/// Records that WhatsApp's server has a message.
#[derive(Debug, Clone)]
pub struct RecordSent {
    /// The instance that sent it.
    pub instance: InstanceId,
    /// The lease's epoch.
    pub epoch: i64,
    /// The message.
    pub message: MessageId,
    /// When.
    pub at: DateTime<Utc>,
}

#[async_trait]
impl UseCase for RecordSent {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        decision.ride(Rider::Fence { instance: self.instance, epoch: self.epoch });
        decision.ride(Rider::SendDone { message: self.message });
        let command = MessageCommand::RecordSent { at: self.at };
        let stream = StreamId::Message(self.message);
        decision.execute::<Message>(stream, command).await?;
        decision.follows_from(&[stream], Origin::First).await
    }
}
