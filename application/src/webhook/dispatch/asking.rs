//! What callers ask for: a test, a look at a body, a redelivery, a replay.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_domain::job::{Job, JobCommand, JobKind};
use interflow_domain::webhook::Webhook;
use interflow_domain::{DeliveryId, JobId, WebhookId};

use super::Dispatcher;
use super::attempt::post;
use super::library::PAGE;
use crate::log::{RecordedEvent, StreamId};
use crate::read::{PageRequest, Window};
use crate::webhook::ports::{EndpointId, Replay};
use crate::webhook::views::DeliveryFilter;
use crate::webhook::{Attempt, Numbering, Rendered, Subscription, current};
use crate::{Context, Decision, Error, FieldError, Resource, ResourceRef, UseCase};

/// How far back an event is looked for that a test can send.
const TEST_REACH: u64 = 5_000;
/// How long a job of a replay is shown as one that may still end; it ends earlier by itself.
const REPLAY_EXPIRY: TimeDelta = TimeDelta::days(365);

/// What a test sent, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The event's type by the name of the endpoint's format.
    pub event_type: &'static str,
    /// The event's place in the log.
    pub position: u64,
    /// The body that was sent.
    pub body: String,
    /// The attempt. It is not stored, and nothing comes of it.
    pub attempt: Attempt,
}

/// What a replay tells again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayFrom {
    /// Everything from this position on, from 1, with what was never told before it.
    Position(u64),
    /// Everything from the first event that was recorded at this time or later.
    Time(DateTime<Utc>),
    /// Every dead letter.
    Failed,
}

impl Dispatcher {
    /// Sends the latest event of a type that the endpoint wants, of any type when none is named, and gives what came of
    /// it. It has an id of its own and the number 0, so that no receiver takes it for a delivery.
    pub async fn test(
        &self,
        context: &Context,
        webhook: WebhookId,
        event_type: Option<&str>,
    ) -> Result<Tested, Error> {
        let endpoint = self.existing(context, webhook).await?;
        let (event_type, position) = self.latest(context, &endpoint, event_type).await?;
        let numbering = Numbering { sequence: 0, previous: None };
        self.0.library.ask_for_erasures(context.workspace).await?;
        let rendered = self.rendered(&endpoint, context.workspace, position, numbering, position).await?;
        let rendered = rendered.ok_or(Error::NotFound(Resource::EventType))?;
        let (at, body) = (self.0.core.clock.now(), rendered.body.clone());
        let post = post(&endpoint, DeliveryId::new(self.0.core.ids.next()), at, rendered);
        let outcome = self.0.ports.transport.post(post).await;
        Ok(Tested { event_type, position, body, attempt: Attempt { number: 1, at, by_hand: true, outcome } })
    }

    /// A delivery as it is sent, but for its signature.
    pub async fn preview(
        &self,
        context: &Context,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Rendered, Error> {
        let endpoint = self.existing(context, webhook).await?;
        let found = self.0.ports.reads.delivery(context.workspace, webhook, id).await?;
        let delivery = found.ok_or(Error::NotFound(Resource::Delivery))?;
        let (position, numbering) = (delivery.position, delivery.numbering);
        self.0.library.ask_for_erasures(context.workspace).await?;
        let rendered = self.rendered(&endpoint, context.workspace, position, numbering, position).await?;
        rendered.ok_or(Error::NotFound(Resource::Delivery))
    }

    /// Puts a delivery into line again, behind those of its lane that are open, with a schedule of its own. One that is
    /// open is tried now, if none of its lane is before it.
    pub async fn redeliver(
        &self,
        context: &Context,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<(), Error> {
        self.existing(context, webhook).await?;
        let endpoint = EndpointId { workspace: context.workspace, webhook };
        let found = self.0.ports.store.redeliver(endpoint, id, self.0.core.clock.now()).await?;
        if found { Ok(()) } else { Err(Error::NotFound(Resource::Delivery)) }
    }

    /// At most how many deliveries a replay would make: dead letters are counted, of anything else the events between.
    pub async fn count_replay(
        &self,
        context: &Context,
        webhook: WebhookId,
        from: ReplayFrom,
        until: Option<u64>,
    ) -> Result<u64, Error> {
        self.existing(context, webhook).await?;
        let replay = self.planned(context, JobId::default(), from, until).await?;
        if !replay.failed_only {
            return Ok(replay.until.saturating_sub(replay.position));
        }
        let filter = DeliveryFilter { status: Some("failed"), ..DeliveryFilter::default() };
        let page = PageRequest { window: Window::Number(1), size: 1 };
        let reads = &self.0.ports.reads;
        Ok(reads.deliveries(context.workspace, webhook, &filter, page).await?.total)
    }

    /// Tells an endpoint again what it was told, or should have been, up to a position (the log's end, when none is
    /// named), as a job. What was told before has the body it had.
    pub async fn replay(
        &self,
        context: &Context,
        webhook: WebhookId,
        from: ReplayFrom,
        until: Option<u64>,
    ) -> Result<JobId, Error> {
        self.existing(context, webhook).await?;
        let job = JobId::new(self.0.core.ids.next());
        let total = self.count_replay(context, webhook, from, until).await?;
        let replay = self.planned(context, job, from, until).await?;
        let endpoint = EndpointId { workspace: context.workspace, webhook };
        // Before the job is there: an endpoint has one replay, and what has no job is ended by whoever finds it.
        if !self.0.ports.store.replay(endpoint, replay).await? {
            return Err(Error::Conflict("a replay of the webhook is under way".to_owned()));
        }
        let open = OpenReplay { job, total: u32::try_from(total).unwrap_or(u32::MAX) };
        if let Err(error) = self.0.core.run(context, &open).await {
            self.0.ports.store.end_replay(endpoint, job).await?;
            return Err(error);
        }
        Ok(job)
    }

    async fn existing(&self, context: &Context, id: WebhookId) -> Result<Arc<Webhook>, Error> {
        let view = self.0.ports.reads.webhook(context.workspace, id).await?;
        let view = view.ok_or(Error::NotFound(Resource::Webhook))?;
        Ok(current(&*self.0.core.log, context.workspace, id, view.row.version).await?)
    }

    async fn planned(
        &self,
        context: &Context,
        job: JobId,
        from: ReplayFrom,
        until: Option<u64>,
    ) -> Result<Replay, Error> {
        let head = self.0.core.log.head(context.workspace).await?;
        let first = match from {
            ReplayFrom::Position(position) => position,
            ReplayFrom::Time(at) => self.0.ports.store.position_at(context.workspace, at).await?,
            ReplayFrom::Failed => 1,
        };
        let position = first.saturating_sub(1);
        let until = until.map_or(head, |until| until.min(head)).max(position);
        Ok(Replay { job, position, until, failed_only: from == ReplayFrom::Failed, queued: 0 })
    }

    /// The latest event that the endpoint wants, of this type if one is named.
    async fn latest(
        &self,
        context: &Context,
        webhook: &Webhook,
        wanted: Option<&str>,
    ) -> Result<(&'static str, u64), Error> {
        let settings = webhook.settings().ok_or(Error::NotFound(Resource::Webhook))?;
        let subscription = Subscription::new(settings);
        let told = |recorded: &RecordedEvent| {
            let name = subscription.event_type(&recorded.event)?;
            wanted.is_none_or(|wanted| wanted == name).then_some(name)
        };
        let mut end = self.0.ports.store.position_at(context.workspace, far_future()).await?;
        let first = end.saturating_sub(TEST_REACH);
        while end > first.max(1) {
            let after = ((end - 2) / PAGE) * PAGE;
            let entries = self.0.library.after(context.workspace, after).await?;
            let before = entries.iter().rev().filter(|entry| entry.recorded.position < end);
            for entry in before {
                if let (Some(name), Some(placement)) = (told(&entry.recorded), entry.placement)
                    && subscription.covers(placement)
                {
                    return Ok((name, entry.recorded.position));
                }
            }
            end = after + 1;
        }
        let message = "has no event yet among the latest that this webhook wants";
        Err(Error::Invalid {
            message: format!("'type' {message}"),
            fields: vec![FieldError::new("type", message)],
        })
    }
}

/// A time that a database can hold, at which nothing was recorded.
const fn far_future() -> DateTime<Utc> {
    // The year 9999.
    match DateTime::from_timestamp(253_370_764_800, 0) {
        Some(time) => time,
        None => DateTime::UNIX_EPOCH,
    }
}

/// The job that shows a replay.
struct OpenReplay {
    job: JobId,
    total: u32,
}

#[async_trait::async_trait]
impl UseCase for OpenReplay {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let expires_at = decision.core().clock.now() + REPLAY_EXPIRY;
        let command = JobCommand::CreateJob {
            job_id: self.job,
            kind: JobKind::WebhookReplay,
            instance_id: None,
            total: self.total,
            expires_at,
        };
        decision.begin::<Job>(StreamId::Job(self.job), command).await?;
        decision.answers_with(ResourceRef::Job(self.job));
        Ok(())
    }
}
