use async_trait::async_trait;
use interflow_domain::InstanceId;
use interflow_domain::instance::{Instance, InstanceCommand};

use crate::log::{Rider, StreamId};
use crate::{Decision, Error, ResourceRef, UseCase};

/// Records what became of an instance's connection, as the gateway or a caller has it.
#[derive(Debug, Clone)]
pub struct RecordConnection {
    /// The instance.
    pub instance: InstanceId,
    /// What became of it.
    pub command: InstanceCommand,
    /// The lease's epoch, when a session says so: what a fenced session says is not recorded.
    pub epoch: Option<i64>,
}

#[async_trait]
impl UseCase for RecordConnection {
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        if let Some(epoch) = self.epoch {
            decision.ride(Rider::Fence { instance: self.instance, epoch });
        }
        decision.answers_with(ResourceRef::Instance(self.instance));
        decision.execute::<Instance>(StreamId::Instance(self.instance), self.command.clone()).await
    }
}
