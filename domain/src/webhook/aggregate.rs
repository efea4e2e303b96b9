use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{
    DisableReason, Origin, PausedBy, Secret, Settings, SettingsDraft, Signing, StartFrom, WebhookCommand,
    WebhookError, WebhookEvent,
};
use crate::{Decide, Personal, Subject, WebhookId};

/// What the events of a webhook amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Webhook {
    phase: Phase,
    created: Option<Created>,
}

/// Where a webhook is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// It does not exist yet.
    #[default]
    NotCreated,
    /// It is told what happens.
    Active,
    /// It waits to be resumed.
    Paused {
        /// Who paused it.
        by: PausedBy,
    },
    /// It waits to be enabled.
    Disabled {
        /// Why.
        reason: DisableReason,
    },
    /// Gone.
    Deleted,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Created {
    webhook_id: WebhookId,
    settings: Settings,
    secret: Personal<Secret>,
    retiring: Vec<Retiring>,
    start_from: StartFrom,
    origin: Origin,
}

/// A secret that was replaced and still signs for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// The secret.
    pub secret: Personal<Secret>,
    /// Until when it signs.
    pub until: DateTime<Utc>,
}

impl Webhook {
    /// Most secrets that sign beside the present one.
    pub const MAX_RETIRING: usize = 2;

    /// Where it is in its life.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it was created and not deleted.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !matches!(self.phase, Phase::NotCreated | Phase::Deleted)
    }

    /// Whether it is told what happens.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active)
    }

    /// Its id, once created.
    #[must_use]
    pub fn id(&self) -> Option<WebhookId> {
        self.created.as_ref().map(|webhook| webhook.webhook_id)
    }

    /// What it is, once created.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        self.created.as_ref().map(|webhook| &webhook.settings)
    }

    /// Where in the log it started.
    #[must_use]
    pub fn start_from(&self) -> Option<StartFrom> {
        self.created.as_ref().map(|webhook| webhook.start_from)
    }

    /// Where it came from.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.created.as_ref().map(|webhook| webhook.origin)
    }

    /// How its deliveries are signed; unknown once the secret was erased.
    #[must_use]
    pub fn signing(&self) -> Option<Signing> {
        Some(self.created.as_ref()?.secret.get()?.signing())
    }

    /// Every secret that signs at this time: the present one, and those before it whose overlap has not ended, the
    /// latest first.
    #[must_use]
    pub fn secrets(&self, at: DateTime<Utc>) -> Vec<&Secret> {
        let Some(webhook) = &self.created else { return vec![] };
        let retiring = webhook.retiring.iter().rev().filter(|retiring| at < retiring.until);
        let all = std::iter::once(&webhook.secret).chain(retiring.map(|retiring| &retiring.secret));
        all.filter_map(Personal::get).collect()
    }

    /// The secrets that were replaced, the earliest first, also those whose overlap has ended since.
    #[must_use]
    pub fn retiring(&self) -> &[Retiring] {
        self.created.as_ref().map_or(&[], |webhook| &webhook.retiring)
    }
}

impl Created {
    fn decide_update(&self, draft: SettingsDraft) -> Result<Vec<WebhookEvent>, WebhookError> {
        draft.check()?;
        if draft.format != self.settings.format {
            return Err(WebhookError::FormatIsFixed);
        }
        let settings = draft.belonging_to(self.webhook_id);
        Ok(if settings == self.settings { vec![] } else { vec![WebhookEvent::WebhookUpdated { settings }] })
    }

    fn decide_rotation(
        &self,
        secret: Secret,
        at: DateTime<Utc>,
        overlap_until: DateTime<Utc>,
    ) -> Result<Vec<WebhookEvent>, WebhookError> {
        if overlap_until < at {
            return Err(WebhookError::OverlapInThePast);
        }
        let earlier = self.retiring.iter().map(|retiring| &retiring.secret);
        if earlier.chain([&self.secret]).any(|known| known.get() == Some(&secret)) {
            return Err(WebhookError::SecretInUse);
        }
        if self.retiring.iter().filter(|retiring| at < retiring.until).count() >= Webhook::MAX_RETIRING {
            return Err(WebhookError::TooManySecrets);
        }
        let secret = Personal::new(Subject::Webhook(self.webhook_id), secret);
        Ok(vec![WebhookEvent::SecretRotated { secret, at, overlap_until }])
    }
}

/// What a command about the phase leads to: the event, if anything changes.
fn decide_phase(phase: Phase, command: &WebhookCommand) -> Result<Option<WebhookEvent>, WebhookError> {
    use WebhookCommand as C;
    use WebhookEvent as E;

    Ok(match (command, phase) {
        (C::PauseWebhook { by }, Phase::Active) => Some(E::WebhookPaused { by: *by }),
        (C::PauseWebhook { by: by @ PausedBy::Caller }, Phase::Paused { by: PausedBy::Backlog }) => {
            Some(E::WebhookPaused { by: *by })
        }
        (C::PauseWebhook { by: PausedBy::Caller } | C::ResumeWebhook, Phase::Disabled { .. }) => {
            return Err(WebhookError::Disabled);
        }
        (C::ResumeWebhook, Phase::Paused { .. })
        | (C::RecordBacklogCleared, Phase::Paused { by: PausedBy::Backlog }) => Some(E::WebhookResumed {}),
        (C::DisableWebhook { reason }, Phase::Active | Phase::Paused { .. }) => {
            Some(E::WebhookDisabled { reason: *reason })
        }
        (C::EnableWebhook, Phase::Disabled { .. }) => Some(E::WebhookEnabled {}),
        (C::DeleteWebhook, _) => Some(E::WebhookDeleted {}),
        _ => None,
    })
}

impl Decide for Webhook {
    fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
        use WebhookCommand as C;

        let Some(webhook) = &self.created else {
            let C::CreateWebhook { webhook_id, settings, secret, start_from, origin } = command else {
                return Err(WebhookError::NotCreated);
            };
            settings.check()?;
            let settings = settings.belonging_to(webhook_id);
            let secret = Personal::new(Subject::Webhook(webhook_id), secret);
            return Ok(vec![WebhookEvent::WebhookCreated {
                webhook_id,
                settings,
                secret,
                start_from,
                origin,
            }]);
        };
        if !self.exists() {
            return Err(WebhookError::Deleted);
        }
        match command {
            C::CreateWebhook { .. } => Err(WebhookError::AlreadyCreated),
            C::UpdateWebhook { settings } => webhook.decide_update(settings),
            C::RotateSecret { secret, at, overlap_until } => {
                webhook.decide_rotation(secret, at, overlap_until)
            }
            command => Ok(decide_phase(self.phase, &command)?.into_iter().collect()),
        }
    }
}

impl Aggregate for Webhook {
    const TYPE: &'static str = "webhook";
    type Command = WebhookCommand;
    type Event = WebhookEvent;
    type Error = WebhookError;
    type Services = ();

    async fn handle(
        &mut self,
        command: WebhookCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), WebhookError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: WebhookEvent) {
        use WebhookEvent as E;

        if let E::WebhookCreated { webhook_id, settings, secret, start_from, origin } = event {
            let retiring = vec![];
            self.phase = Phase::Active;
            self.created = Some(Created { webhook_id, settings, secret, retiring, start_from, origin });
            return;
        }
        let Some(webhook) = &mut self.created else { return };
        match event {
            E::WebhookCreated { .. } => {}
            E::WebhookUpdated { settings } => webhook.settings = settings,
            E::WebhookPaused { by } => self.phase = Phase::Paused { by },
            E::WebhookResumed {} | E::WebhookEnabled {} => self.phase = Phase::Active,
            E::WebhookDisabled { reason } => self.phase = Phase::Disabled { reason },
            E::SecretRotated { secret, at, overlap_until } => {
                webhook.retiring.retain(|retiring| at < retiring.until);
                let secret = std::mem::replace(&mut webhook.secret, secret);
                webhook.retiring.push(Retiring { secret, until: overlap_until });
            }
            E::WebhookDeleted {} => self.phase = Phase::Deleted,
        }
    }
}
