use std::collections::BTreeSet;

use async_trait::async_trait;
use interflow_domain::webhook::{
    Origin, Secret, SettingsDraft, StartFrom, Webhook, WebhookCommand, WebhookUrl,
};
use interflow_domain::{InstanceId, WebhookId};

use super::ChannelRef;
use crate::log::StreamId;
use crate::{Claim, Decision, Error, ResourceRef, UseCase};

/// Creates a webhook endpoint. Its address was [judged](crate::webhook::ports::judge) before, its secret
/// [drawn](crate::webhook::signing::new_secret) or [checked](crate::webhook::signing::check).
#[derive(Debug, Clone)]
pub struct CreateWebhook {
    /// What it is to be, but for its channels.
    pub settings: SettingsDraft,
    /// The channels whose events it wants; none means the whole workspace.
    pub channels: Vec<ChannelRef>,
    /// What its deliveries are signed with. The caller shows it once.
    pub secret: Secret,
    /// Where in the log it starts.
    pub start_from: StartFrom,
    /// How many the workspace may have, the one that the operator set left out; any number when none.
    pub most: Option<u64>,
}

#[async_trait]
impl UseCase for CreateWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        let id = WebhookId::new(decision.core().ids.next());
        let channels = resolve(decision, &self.channels).await?;
        let settings = SettingsDraft { channels, ..self.settings.clone() };
        take_url(decision, id, &settings.url, &settings.channels).await?;
        if let Some(most) = self.most {
            take_place(decision, id, most).await?;
        }
        let command = WebhookCommand::CreateWebhook {
            webhook_id: id,
            settings,
            secret: self.secret.clone(),
            start_from: self.start_from,
            origin: Origin::Api,
        };
        decision.begin::<Webhook>(StreamId::Webhook(id), command).await?;
        decision.answers_with(ResourceRef::Webhook(id));
        Ok(id)
    }
}

/// Takes one of the places that the workspace has. The claim is read before they are counted: whoever creates one in
/// between has it by then, and this is decided again.
async fn take_place(decision: &mut Decision<'_>, id: WebhookId, most: u64) -> Result<(), Error> {
    let claim = Claim::newest_webhook();
    if let Some(newest) = decision.holder(&claim).await? {
        decision.release(claim.clone(), newest);
    }
    if decision.core().reads.webhook_count(decision.context().workspace).await? >= most {
        return Err(Error::Conflict(format!(
            "the workspace has as many webhooks as this server allows ({most}): delete one first"
        )));
    }
    decision.take(claim, StreamId::Webhook(id));
    Ok(())
}

/// The channels a filter names.
pub(super) async fn resolve(
    decision: &mut Decision<'_>,
    channels: &[ChannelRef],
) -> Result<BTreeSet<InstanceId>, Error> {
    let mut found = BTreeSet::new();
    for channel in channels {
        let id = channel.resolve(decision).await.map_err(|error| match error {
            Error::NotFound(_) => Error::field("channels", "names a channel that there is not"),
            other => other,
        })?;
        found.insert(id);
    }
    Ok(found)
}

/// Takes the address of a webhook, which no other with the same channel filter may have.
pub(super) async fn take_url(
    decision: &mut Decision<'_>,
    id: WebhookId,
    url: &WebhookUrl,
    channels: &BTreeSet<InstanceId>,
) -> Result<(), Error> {
    let (claim, stream) = (Claim::webhook_url(url, channels), StreamId::Webhook(id));
    match decision.holder(&claim).await? {
        Some(holder) if holder == stream => Ok(()),
        Some(_) => Err(Error::Conflict("another webhook has this address and the same channels".to_owned())),
        None => {
            decision.take(claim, stream);
            Ok(())
        }
    }
}
