use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use interflow_domain::webhook::{
    Format, Origin, PausedBy, Phase, Secret, SettingsDraft, StartFrom, Webhook, WebhookCommand, WebhookUrl,
};
use interflow_domain::{WebhookId, WorkspaceId};
use uuid::Uuid;

use super::create_webhook::take_url;
use super::update_webhook::release_url;
use crate::log::StreamId;
use crate::webhook::LATEST_SCHEMA;
use crate::{Decision, Error, UseCase};

/// Makes the endpoint that the operator set in the server's environment be as it says: of the format `evolution`, for
/// the whole workspace. One that is no longer named there is paused, and goes on where it stopped when it is again.
#[derive(Debug, Clone)]
pub struct EnsureEnvironmentWebhook {
    /// Its address, read as an exempt one, if there is to be one.
    pub url: Option<WebhookUrl>,
    /// What it is signed with, should it be created now.
    pub secret: Secret,
}

/// The id of the endpoint that the operator set: each workspace has at most one.
#[must_use]
pub fn environment_webhook_id(workspace: WorkspaceId) -> WebhookId {
    WebhookId::new(Uuid::new_v5(&workspace.uuid(), b"environment"))
}

#[async_trait]
impl UseCase for EnsureEnvironmentWebhook {
    /// Whether anything changes.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let id = environment_webhook_id(decision.context().workspace);
        let stream = StreamId::Webhook(id);
        let webhook = decision.load::<Webhook>(stream).await?;
        let Some(url) = self.url.clone() else {
            let pause = WebhookCommand::PauseWebhook { by: PausedBy::Caller };
            let told = matches!(webhook.phase(), Phase::Active | Phase::Paused { .. });
            return if told { decision.execute::<Webhook>(stream, pause).await } else { Ok(false) };
        };
        let settings = settings(url.clone());
        if !webhook.exists() {
            take_url(decision, id, &url, &settings.channels).await?;
            let (secret, start_from) = (self.secret.clone(), StartFrom::Now);
            let origin = Origin::Environment;
            let create =
                WebhookCommand::CreateWebhook { webhook_id: id, settings, secret, start_from, origin };
            return decision.execute::<Webhook>(stream, create).await;
        }
        let known = webhook.settings().and_then(|settings| settings.url.get());
        let moved = known != Some(&url)
            && decision.execute::<Webhook>(stream, WebhookCommand::UpdateWebhook { settings }).await?;
        if moved {
            release_url(decision, id, &webhook);
            take_url(decision, id, &url, &BTreeSet::new()).await?;
        }
        let goes_on = match webhook.phase() {
            Phase::Paused { .. } => {
                decision.execute::<Webhook>(stream, WebhookCommand::ResumeWebhook).await?
            }
            Phase::Disabled { .. } if moved => {
                decision.execute::<Webhook>(stream, WebhookCommand::EnableWebhook).await?
            }
            _ => false,
        };
        Ok(moved || goes_on)
    }
}

fn settings(url: WebhookUrl) -> SettingsDraft {
    SettingsDraft {
        url,
        description: None,
        format: Format::Evolution,
        schema_version: LATEST_SCHEMA,
        events: BTreeSet::new(),
        channels: BTreeSet::new(),
        headers: BTreeMap::new(),
        rate_limit: None,
        schedule: None,
        by_events: false,
    }
}
