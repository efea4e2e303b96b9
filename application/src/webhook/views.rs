//! How far endpoints are, and what became of their deliveries, for people to look at.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::webhook::Origin;
use interflow_domain::{DeliveryId, JobId, WebhookId, WorkspaceId};

use super::breaker::Breaker;
use super::ports::{MAX_OPEN, Replay};
use super::{Attempt, Delivery};
use crate::log::LogError;
use crate::read::{Page, PageRequest};

/// An endpoint's row: how it stands, without its settings, which are in its stream at this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// `active`, `paused` or `disabled`.
    pub status: String,
    /// Why it is told nothing, where it is not: `caller` or `backlog` for a pause, else as
    /// [`DisableReason::name`](interflow_domain::webhook::DisableReason::name).
    pub reason: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How many events it has.
    pub version: u64,
}

/// How far an endpoint is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Up to which position of the log its deliveries were made. Behind what `start_from` says, the log's end counts.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// How many deliveries are open.
    pub open: u32,
    /// Its breaker.
    pub breaker: Breaker,
    /// Until when it asked to be left alone.
    pub throttled_until: Option<DateTime<Utc>>,
}

impl Progress {
    /// How many events of the log are not read for it yet.
    #[must_use]
    pub const fn lag(&self) -> u64 {
        self.head.saturating_sub(self.position)
    }

    /// Whether no more deliveries are made until some are settled.
    #[must_use]
    pub const fn is_backed_up(&self) -> bool {
        self.open >= MAX_OPEN
    }
}

/// An endpoint and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookView {
    /// How it stands.
    pub row: WebhookRow,
    /// How far it is; nothing before it began.
    pub progress: Option<Progress>,
}

/// Which deliveries of an endpoint are asked for; all of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// What became of them, by [`DeliveryStatus::name`](super::DeliveryStatus::name).
    pub status: Option<&'static str>,
    /// Their type, by the name of the endpoint's format.
    pub event_type: Option<String>,
    /// Made at this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Made before this time.
    pub created_before: Option<DateTime<Utc>>,
}

/// Answers questions about webhooks.
#[async_trait]
pub trait WebhookReads: Send + Sync {
    /// One endpoint.
    async fn webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<Option<WebhookView>, LogError>;

    /// The endpoints of a workspace, the latest first.
    async fn webhooks(
        &self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<WebhookView>, LogError>;

    /// The deliveries of an endpoint, those of the latest events first.
    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, LogError>;

    /// One delivery of an endpoint.
    async fn delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, LogError>;

    /// The deliveries with these ids, of whatever endpoints.
    async fn deliveries_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[DeliveryId],
    ) -> Result<Vec<Delivery>, LogError>;

    /// The attempts at deliveries that are kept, those of each in order; at most 100 of each, the latest.
    async fn attempts_of(
        &self,
        workspace: WorkspaceId,
        ids: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, Attempt)>, LogError>;

    /// The attempts at a delivery that are kept, in order; at most 100, the latest.
    async fn attempts(&self, workspace: WorkspaceId, id: DeliveryId) -> Result<Vec<Attempt>, LogError>;

    /// The replay that a job shows, while it is under way.
    async fn replay_of(&self, workspace: WorkspaceId, job: JobId) -> Result<Option<Replay>, LogError>;
}
