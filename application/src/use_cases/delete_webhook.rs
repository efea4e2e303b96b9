use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{Origin, Webhook, WebhookCommand};

use super::existing_webhook;
use super::update_webhook::release_url;
use crate::log::StreamId;
use crate::{Claim, Decision, Error, UseCase};

/// Deletes a webhook endpoint and frees its address. The one that the operator set stays until the environment no
/// longer names it: else it would be back at the next start.
#[derive(Debug, Clone)]
pub struct DeleteWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for DeleteWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        let webhook = decision.load::<Webhook>(StreamId::Webhook(self.id)).await?;
        if webhook.exists() && webhook.origin() == Some(Origin::Environment) {
            return Err(Error::Conflict("the webhook is set in the server's environment".to_owned()));
        }
        existing_webhook::execute(decision, self.id, self.expected, WebhookCommand::DeleteWebhook).await?;
        release_url(decision, self.id, &webhook);
        let (newest, stream) = (Claim::newest_webhook(), StreamId::Webhook(self.id));
        if decision.holder(&newest).await? == Some(stream) {
            decision.release(newest, stream);
        }
        Ok(self.id)
    }
}
