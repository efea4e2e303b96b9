use async_trait::async_trait;
use interflow_domain::InstanceId;
use interflow_domain::instance::{Instance, InstanceCommand};

use crate::log::StreamId;
use crate::{Claim, Decision, Error, Resource, ResourceRef, UseCase};

/// Deletes an instance and frees its name.
#[derive(Debug, Clone)]
pub struct DeleteInstance {
    /// The instance.
    pub instance: InstanceId,
}

#[async_trait]
impl UseCase for DeleteInstance {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let stream = StreamId::Instance(self.instance);
        let instance = decision.load::<Instance>(stream).await?;
        let name = instance.name().cloned().ok_or(Error::NotFound(Resource::Channel))?;
        decision.execute::<Instance>(stream, InstanceCommand::DeleteInstance).await?;
        decision.release(Claim::instance_name(&name), stream);
        decision.answers_with(ResourceRef::Instance(self.instance));
        Ok(())
    }
}
