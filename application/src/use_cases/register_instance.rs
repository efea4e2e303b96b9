use async_trait::async_trait;
use interflow_domain::instance::{Instance, InstanceCommand};
use interflow_domain::{InstanceId, InstanceName};

use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Registers an instance, not connected to anything. Refused when the name is taken.
#[derive(Debug, Clone)]
pub struct RegisterInstance {
    /// Its name.
    pub name: InstanceName,
}

#[async_trait]
impl UseCase for RegisterInstance {
    type Output = InstanceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<InstanceId, Error> {
        let claim = Claim::instance_name(&self.name);
        if decision.holder(&claim).await?.is_some() {
            return Err(name_taken());
        }
        let id = InstanceId::new(decision.core().ids.next());
        let stream = StreamId::Instance(id);
        let command = InstanceCommand::RegisterInstance { instance_id: id, name: self.name.clone() };
        decision.begin::<Instance>(stream, command).await?;
        decision.take(claim, stream);
        decision.answers_with(ResourceRef::Instance(id));
        Ok(id)
    }
}

/// Two living instances never share a name.
pub(super) fn name_taken() -> Error {
    Error::Conflict("another channel has this name".to_owned())
}
