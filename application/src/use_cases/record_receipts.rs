use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::message::{Message, MessageCommand, Receipt};
use interflow_domain::{InstanceId, MessageId};

use crate::log::{Rider, StreamId};
use crate::metadata::Origin;
use crate::{Decision, Error, UseCase};

/// Records how far messages got, and that those still waiting need no more attempts.
#[derive(Debug, Clone)]
pub struct RecordReceipts {
    /// The instance that sent them.
    pub instance: InstanceId,
    /// The lease's epoch.
    pub epoch: i64,
    /// The messages.
    pub messages: Vec<MessageId>,
    /// How far they got.
    pub receipt: Receipt,
    /// When.
    pub at: DateTime<Utc>,
}

#[async_trait]
impl UseCase for RecordReceipts {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        decision.ride(Rider::Fence { instance: self.instance, epoch: self.epoch });
        let mut changed = vec![];
        for message in &self.messages {
            let stream = StreamId::Message(*message);
            let command = MessageCommand::RecordReceipt { receipt: self.receipt, at: self.at };
            if decision.execute::<Message>(stream, command).await? {
                changed.push(stream);
                decision.ride(Rider::SendDone { message: *message });
            }
        }
        decision.follows_from(&changed, Origin::First).await
    }
}
