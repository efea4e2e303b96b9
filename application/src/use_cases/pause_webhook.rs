use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{PausedBy, WebhookCommand};

use super::existing_webhook;
use crate::{Decision, Error, UseCase};

/// Stops telling a webhook endpoint what happens, until it is resumed. Nothing is missed: it goes on where it stopped.
#[derive(Debug, Clone)]
pub struct PauseWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// Who pauses it.
    pub by: PausedBy,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

#[async_trait]
impl UseCase for PauseWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        existing_webhook::execute(
            decision,
            self.id,
            self.expected,
            WebhookCommand::PauseWebhook { by: self.by },
        )
        .await?;
        Ok(self.id)
    }
}
