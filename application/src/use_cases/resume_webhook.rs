use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{Phase, Webhook, WebhookCommand};

use super::existing_webhook;
use crate::log::StreamId;
use crate::{Decision, Error, UseCase};

/// Goes on telling a webhook endpoint what happens, from where it stopped, be it paused or disabled.
#[derive(Debug, Clone)]
pub struct ResumeWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for ResumeWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        let webhook = decision.load::<Webhook>(StreamId::Webhook(self.id)).await?;
        let command = match webhook.phase() {
            Phase::Disabled { .. } => WebhookCommand::EnableWebhook,
            _ => WebhookCommand::ResumeWebhook,
        };
        existing_webhook::execute(decision, self.id, self.expected, command).await?;
        Ok(self.id)
    }
}
