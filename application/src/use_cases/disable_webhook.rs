use async_trait::async_trait;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{DisableReason, WebhookCommand};

use super::existing_webhook;
use crate::{Decision, Error, UseCase};

/// Stops telling a webhook endpoint what happens, until its owner enables it: its receiver wants or does nothing.
#[derive(Debug, Clone, Copy)]
pub struct DisableWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// Why.
    pub reason: DisableReason,
}

#[async_trait]
impl UseCase for DisableWebhook {
    /// Whether it was told until now.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let command = WebhookCommand::DisableWebhook { reason: self.reason };
        existing_webhook::execute(decision, self.id, None, command).await
    }
}
