use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use interflow_domain::webhook::{
    Description, EventPattern, HeaderName, HeaderValue, RateLimit, RetrySchedule, SettingsDraft, Webhook,
    WebhookCommand, WebhookUrl,
};
use interflow_domain::{Personal, WebhookId};

use super::create_webhook::{resolve, take_url};
use super::{ChannelRef, existing_webhook};
use crate::log::StreamId;
use crate::{Claim, Decision, Error, Resource, UseCase};

/// Changes some of the settings of a webhook endpoint.
#[derive(Debug, Clone)]
pub struct UpdateWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// What changes.
    pub patch: WebhookPatch,
    /// The version the caller saw.
    pub expected: Option<u64>,
}

/// What changes: absent leaves a field, `Some(None)` empties it. Lists and headers are replaced as a whole.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// Where deliveries go; judged before.
    pub url: Option<WebhookUrl>,
    /// What it is for.
    pub description: Option<Option<Description>>,
    /// Which version of the bodies it gets.
    pub schema_version: Option<u16>,
    /// The types of events it wants.
    pub events: Option<BTreeSet<EventPattern>>,
    /// The channels whose events it wants.
    pub channels: Option<Vec<ChannelRef>>,
    /// Headers of its own.
    pub headers: Option<BTreeMap<HeaderName, HeaderValue>>,
    /// Most deliveries a second.
    pub rate_limit: Option<Option<RateLimit>>,
    /// When a delivery is tried.
    pub schedule: Option<Option<RetrySchedule>>,
    /// Whether the event's name is appended to the address.
    pub by_events: Option<bool>,
}

impl WebhookPatch {
    fn over(self, known: SettingsDraft) -> SettingsDraft {
        SettingsDraft {
            url: self.url.unwrap_or(known.url),
            description: self.description.unwrap_or(known.description),
            format: known.format,
            schema_version: self.schema_version.unwrap_or(known.schema_version),
            events: self.events.unwrap_or(known.events),
            channels: known.channels,
            headers: self.headers.unwrap_or(known.headers),
            rate_limit: self.rate_limit.unwrap_or(known.rate_limit),
            schedule: self.schedule.unwrap_or(known.schedule),
            by_events: self.by_events.unwrap_or(known.by_events),
        }
    }
}

#[async_trait]
impl UseCase for UpdateWebhook {
    type Output = WebhookId;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<WebhookId, Error> {
        let stream = StreamId::Webhook(self.id);
        let before = decision.load::<Webhook>(stream).await?;
        let known =
            before.settings().filter(|_| before.exists()).ok_or(Error::NotFound(Resource::Webhook))?;
        let known = known.draft().ok_or(Error::NotFound(Resource::Webhook))?;
        let mut settings = self.patch.clone().over(known.clone());
        if let Some(channels) = &self.patch.channels {
            settings.channels = resolve(decision, channels).await?;
        }
        let moves = (&settings.url, &settings.channels) != (&known.url, &known.channels);
        let (url, channels) = (settings.url.clone(), settings.channels.clone());
        existing_webhook::execute(
            decision,
            self.id,
            self.expected,
            WebhookCommand::UpdateWebhook { settings },
        )
        .await?;
        if moves {
            release_url(decision, self.id, &before);
            take_url(decision, self.id, &url, &channels).await?;
        }
        Ok(self.id)
    }
}

/// Frees the address of a webhook.
pub(super) fn release_url(decision: &mut Decision<'_>, id: WebhookId, webhook: &Webhook) {
    let settings = webhook.settings();
    if let Some((url, settings)) =
        settings.and_then(|settings| Some((Personal::get(&settings.url)?, settings)))
    {
        decision.release(Claim::webhook_url(url, &settings.channels), StreamId::Webhook(id));
    }
}
