use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::WebhookCommand;

use super::existing_webhook;
use crate::{Decision, Error, UseCase};

/// Goes on telling a disabled webhook endpoint what happens, from where it stopped.
#[derive(Debug, Clone)]
pub struct EnableWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for EnableWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        existing_webhook::execute(decision, self.id, self.expected, WebhookCommand::EnableWebhook).await?;
        Ok(self.id)
    }
}
