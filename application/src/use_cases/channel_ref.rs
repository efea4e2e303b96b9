use std::str::FromStr;

use interflow_domain::instance::Instance;
use interflow_domain::{InstanceId, InstanceName, InvalidValue};

use crate::log::{LogError, StreamId};
use crate::read::{Channel, Reads};
use crate::{Claim, Decision, Error, Resource};
use interflow_domain::WorkspaceId;

/// A channel as a caller names it: by id or by name.
///
/// A bare UUID may be either, since callers are told to use their own user ids as names: an id that exists wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRef {
    id: Option<InstanceId>,
    name: Option<InstanceName>,
}

impl ChannelRef {
    /// The channel with this id.
    #[must_use]
    pub const fn id(id: InstanceId) -> Self {
        Self { id: Some(id), name: None }
    }

    /// The channel with this name.
    #[must_use]
    pub const fn name(name: InstanceName) -> Self {
        Self { id: None, name: Some(name) }
    }

    /// The id that it may be.
    #[must_use]
    pub const fn as_id(&self) -> Option<InstanceId> {
        self.id
    }

    /// The name that it may be.
    #[must_use]
    pub const fn as_name(&self) -> Option<&InstanceName> {
        self.name.as_ref()
    }

    /// The living instance it names, for a decision.
    pub async fn resolve(&self, decision: &mut Decision<'_>) -> Result<InstanceId, Error> {
        if let Some(id) = self.id
            && decision.load::<Instance>(StreamId::Instance(id)).await?.exists()
        {
            return Ok(id);
        }
        if let Some(name) = &self.name
            && let Some(StreamId::Instance(id)) = decision.holder(&Claim::instance_name(name)).await?
        {
            return Ok(id);
        }
        Err(Error::NotFound(Resource::Channel))
    }

    /// The channel it names, for a question.
    pub async fn find(&self, reads: &dyn Reads, workspace: WorkspaceId) -> Result<Channel, Error> {
        self.look_up(reads, workspace).await?.ok_or(Error::NotFound(Resource::Channel))
    }

    /// The instance it names, for a filter: one that is gone still goes by its id. What names nothing gives nothing.
    pub async fn named(
        &self,
        reads: &dyn Reads,
        workspace: WorkspaceId,
    ) -> Result<Option<InstanceId>, LogError> {
        Ok(self.look_up(reads, workspace).await?.map(|channel| channel.id).or(self.id))
    }

    async fn look_up(&self, reads: &dyn Reads, workspace: WorkspaceId) -> Result<Option<Channel>, LogError> {
        if let Some(id) = self.id
            && let Some(channel) = reads.channel(workspace, id).await?
        {
            return Ok(Some(channel));
        }
        match &self.name {
            Some(name) => reads.channel_named(workspace, name).await,
            None => Ok(None),
        }
    }
}

impl FromStr for ChannelRef {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let id = text.parse().ok();
        let name = text.parse();
        match (id, name) {
            (None, Err(error)) => Err(error),
            (id, name) => Ok(Self { id, name: name.ok() }),
        }
    }
}
