use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::WebhookCommand;

use super::existing_webhook;
use crate::{Decision, Error, UseCase};

/// Goes on with a webhook endpoint that was paused because too many of its deliveries were open, and for nothing else.
#[derive(Debug, Clone, Copy)]
pub struct ClearWebhookBacklog {
    /// The webhook.
    pub id: WebhookId,
}

#[async_trait]
impl UseCase for ClearWebhookBacklog {
    /// Whether it goes on.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        existing_webhook::execute(decision, self.id, None, WebhookCommand::RecordBacklogCleared).await
    }
}
