use async_trait::async_trait;
use chrono::TimeDelta;
use interflow_domain::WebhookId;
use interflow_domain::webhook::{Secret, Webhook, WebhookCommand};
use uuid::Uuid;

use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef, UseCase};

/// Gives a webhook endpoint a new secret; the one before it signs as well until the overlap ends.
#[derive(Debug, Clone)]
pub struct RotateWebhookSecret {
    /// The webhook.
    pub id: WebhookId,
    /// The new secret, drawn or checked before. The caller shows it once.
    pub secret: Secret,
    /// What the secret was made from, for a repetition to make it again.
    pub nonce: Uuid,
    /// How long the one before it signs, at most [`RotateWebhookSecret::MAX_OVERLAP`].
    pub overlap: TimeDelta,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

impl RotateWebhookSecret {
    /// What Standard Webhooks recommends: a day.
    pub const OVERLAP: TimeDelta = TimeDelta::days(1);
    /// The longest overlap.
    pub const MAX_OVERLAP: TimeDelta = TimeDelta::days(7);
}

#[async_trait]
impl UseCase for RotateWebhookSecret {
    /// What the secret was made from.
    type Output = Uuid;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Uuid, Error> {
        if !(TimeDelta::zero()..=Self::MAX_OVERLAP).contains(&self.overlap) {
            return Err(Error::field("overlap_seconds", "must be 0 to 604800"));
        }
        let at = decision.core().clock.now();
        let overlap_until = at + self.overlap;
        let command = WebhookCommand::RotateSecret { secret: self.secret.clone(), at, overlap_until };
        let stream = StreamId::Webhook(self.id);
        if decision.load::<Webhook>(stream).await?.exists() {
            decision.expect_version(stream, self.expected).await?;
        }
        decision.answers_with(ResourceRef::Secret(self.nonce));
        decision.execute::<Webhook>(stream, command).await?;
        Ok(self.nonce)
    }
}
