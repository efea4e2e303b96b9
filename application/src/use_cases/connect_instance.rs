use async_trait::async_trait;
use interflow_domain::instance::{Instance, InstanceCommand};
use interflow_domain::{InstanceId, InstanceName};

use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Registers the instance when there is none with this name, and asks for its connection.
#[derive(Debug, Clone)]
pub struct ConnectInstance {
    /// The instance's name.
    pub name: InstanceName,
}

#[async_trait]
impl UseCase for ConnectInstance {
    type Output = InstanceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<InstanceId, Error> {
        let claim = Claim::instance_name(&self.name);
        let id = match decision.holder(&claim).await? {
            Some(StreamId::Instance(id)) => id,
            _ => {
                let id = InstanceId::new(decision.core().ids.next());
                let stream = StreamId::Instance(id);
                let command = InstanceCommand::RegisterInstance { instance_id: id, name: self.name.clone() };
                decision.execute::<Instance>(stream, command).await?;
                decision.take(claim, stream);
                id
            }
        };
        decision.execute::<Instance>(StreamId::Instance(id), InstanceCommand::RequestConnection).await?;
        decision.answers_with(ResourceRef::Instance(id));
        Ok(id)
    }
}
