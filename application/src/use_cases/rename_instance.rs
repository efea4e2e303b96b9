use async_trait::async_trait;
use interflow_domain::instance::{Instance, InstanceCommand};
use interflow_domain::{InstanceId, InstanceName};

use super::ChannelRef;
use super::register_instance::name_taken;
use crate::log::StreamId;
use crate::{Claim, Decision, Error, Resource, ResourceRef, UseCase};

/// Gives an instance another name; the old one is free from that moment on. Refused when the new one is taken.
#[derive(Debug, Clone)]
pub struct RenameInstance {
    /// The instance.
    pub channel: ChannelRef,
    /// Its new name.
    pub name: InstanceName,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for RenameInstance {
    type Output = InstanceId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<InstanceId, Error> {
        let id = self.channel.resolve(decision).await?;
        let stream = StreamId::Instance(id);
        let before = decision.load::<Instance>(stream).await?.name().cloned();
        let before = before.ok_or(Error::NotFound(Resource::Channel))?;
        decision.expect_version(stream, self.expected).await?;
        let rename = InstanceCommand::RenameInstance { name: self.name.clone() };
        if decision.execute::<Instance>(stream, rename).await? {
            let claim = Claim::instance_name(&self.name);
            if decision.holder(&claim).await?.is_some() {
                return Err(name_taken());
            }
            decision.release(Claim::instance_name(&before), stream);
            decision.take(claim, stream);
        }
        decision.answers_with(ResourceRef::Instance(id));
        Ok(id)
    }
}
