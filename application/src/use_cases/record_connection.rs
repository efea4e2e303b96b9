use async_trait::async_trait;
use interflow_domain::InstanceId;
use interflow_domain::instance::{Instance, InstanceCommand, Phase};

use crate::log::{Rider, StreamId};
use crate::metadata::Origin;
use crate::{Decision, Error, ResourceRef, UseCase};

/// What says that somebody asked for the connection.
const ASKED: &str = "instance.connecting";

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
        let stream = StreamId::Instance(self.instance);
        // Until it is open for the first time, it is because somebody asked for it.
        let asked = matches!(
            decision.load::<Instance>(stream).await?.phase(),
            Phase::Pairing { .. } | Phase::LoggingIn { .. }
        );
        let changed = decision.execute::<Instance>(stream, self.command.clone()).await?;
        if changed && asked {
            decision.follows_from(&[stream], Origin::Latest(ASKED)).await?;
        }
        Ok(changed)
    }
}
