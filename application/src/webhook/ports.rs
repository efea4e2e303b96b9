//! What delivering needs of the outside: a way to send, a way to resolve, and a place for deliveries.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_domain::{CustomerId, EventId, JobId, WebhookId, WorkspaceId};

use super::address::AllowList;
use super::breaker::Breaker;
use super::url::{Target, TargetHost, UrlError, UrlPolicy};
use super::{Attempt, Delivery, DeliveryStatus, Lane, Outcome};
use crate::log::LogError;

/// One POST.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// Every header but those that carry the request (`host`, `content-length`).
    pub headers: Vec<(String, String)>,
    /// The body's bytes, which were signed.
    pub body: Vec<u8>,
    /// Whether it may go to any address there is: to the endpoint that the operator set.
    pub exempt: bool,
}

/// Sends one POST and reads the beginning of its answer: no redirects, no proxy, no compression, no cookies, within
/// [`Outcome::CONNECT_TIMEOUT`] and [`Outcome::TOTAL_TIMEOUT`]. Every address is judged when it is connected to, after
/// resolving.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Carries out one attempt. Never fails: what went wrong is the outcome.
    async fn post(&self, post: Post) -> Outcome;
}

/// An endpoint and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The endpoint.
    pub webhook: WebhookId,
}

/// The right to deliver for an endpoint: this node's, until another node has a later epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which.
    pub endpoint: EndpointId,
    /// Grows with every owner.
    pub epoch: i64,
}

/// Every endpoint that is to be delivered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// Those that no other node which is alive delivers for: free ones, and this node's own.
    pub available: Vec<EndpointId>,
    /// How many there are in all.
    pub total: usize,
    /// How many nodes are alive, this one included.
    pub nodes: usize,
}

/// How far an endpoint is, when its lease was taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The lease.
    pub lease: Lease,
    /// Up to which event of the log its deliveries were made.
    pub position: u64,
    /// How many of its deliveries are open.
    pub open: u32,
    /// Its breaker; a new one when the endpoint was enabled since.
    pub breaker: Breaker,
    /// Until when it asked to be left alone.
    pub throttled_until: Option<DateTime<Utc>>,
}

/// A delivery that is to be made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The event.
    pub event: EventId,
    /// Its place in the log.
    pub position: u64,
    /// Its type by the name of the endpoint's format.
    pub event_type: &'static str,
    /// What it is in order with.
    pub lane: Lane,
    /// Whom it is about: of an erased customer no answer is kept.
    pub customer: Option<CustomerId>,
}

/// A stretch of the log that was read for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// After which position it was read.
    pub after: u64,
    /// Up to which.
    pub until: u64,
    /// What the endpoint wants of it, in order.
    pub wanted: Vec<Wanted>,
    /// When a delivery that nothing stands before may be tried first.
    pub due_at: DateTime<Utc>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// The first open delivery of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The delivery.
    pub delivery: Delivery,
    /// How many attempts of its schedule were made.
    pub tries: u32,
    /// When the next may begin.
    pub due_at: DateTime<Utc>,
}

/// What is to be done for an endpoint next.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// First open deliveries of lanes, those that are due the longest first; also some that are not due yet.
    pub heads: Vec<Head>,
    /// How many events the endpoint has: what is known of it otherwise is of that version or too old. None once it is
    /// deleted.
    pub version: u64,
    /// How many deliveries are open.
    pub open: u32,
    /// How often something was erased in the workspace: what was read before that may show too much.
    pub erasures: u64,
    /// The replay that is under way.
    pub replay: Option<Replay>,
}

/// What became of a delivery by an attempt, or without one when it cannot be told at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The delivery, as it was before.
    pub delivery: Delivery,
    /// The attempt.
    pub attempt: Option<Attempt>,
    /// How many attempts of its schedule were made.
    pub tries: u32,
    /// What it is now.
    pub status: DeliveryStatus,
}

/// What is written down of an endpoint with the ends of attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// What became of deliveries, at most one of a lane.
    pub settlements: Vec<Settlement>,
    /// The breaker after them.
    pub breaker: Breaker,
    /// Until when the endpoint asked to be left alone.
    pub throttled_until: Option<DateTime<Utc>>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// A replay: a stretch of the log that is read for an endpoint once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// The job that shows it.
    pub job: JobId,
    /// Up to which position it was read.
    pub position: u64,
    /// Up to which it is to be read.
    pub until: u64,
    /// Whether only dead letters are told again.
    pub failed_only: bool,
    /// How many deliveries were put into line by it so far.
    pub queued: u64,
}

/// Keeps deliveries, and who delivers for which endpoint.
///
/// Each event makes at most one delivery of an endpoint, numbered within its lane when it is made. The open deliveries
/// of a lane stand in line; the first of them is the lane's *head*, and nothing but a head is ever attempted. Whatever
/// is written by right of a lease that was lost is not written, and is answered with nothing.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// Every endpoint that is active, or is paused for its backlog alone.
    async fn roster(&self) -> Result<Roster, LogError>;

    /// Takes the lease of an endpoint for this node, unless another node that is alive has it. An endpoint that never
    /// had one gets its place in the log.
    async fn acquire(&self, endpoint: EndpointId) -> Result<Option<Taken>, LogError>;

    /// Gives a lease back.
    async fn release(&self, lease: Lease) -> Result<(), LogError>;

    /// Puts what was wanted of a stretch into line and moves the endpoint's place in the log past it, both or neither.
    /// Gives how many are open then. A stretch that was put into line before changes nothing.
    async fn enqueue(&self, lease: Lease, stretch: &Stretch) -> Result<Option<u32>, LogError>;

    /// The same for a replay: what was told before stands in line again, with the number it had, and what has no
    /// delivery gets one. With [`Replay::failed_only`] nothing needs to be read: the next dead letters stand in line
    /// again. Gives the replay as it is then; nothing also when it was ended.
    async fn enqueue_again(
        &self,
        lease: Lease,
        replay: Replay,
        stretch: &Stretch,
    ) -> Result<Option<Replay>, LogError>;

    /// Ends a replay where it is.
    async fn end_replay(&self, endpoint: EndpointId, job: JobId) -> Result<(), LogError>;

    /// What is to be done next, but for these lanes.
    async fn next(&self, lease: Lease, busy: &[Lane], limit: u32) -> Result<Option<Next>, LogError>;

    /// Writes down what became of attempts. Gives how many are open then.
    async fn settle(&self, lease: Lease, settled: &Settled) -> Result<Option<u32>, LogError>;

    /// Forgets attempts, and deliveries that were settled, before this time; dead letters [`DEAD_LETTERS`] times as
    /// late; and everything of endpoints that are gone. Gives how many rows went; at most `limit` of each kind.
    async fn prune(&self, now: DateTime<Utc>, retention: Duration, limit: u32) -> Result<u64, LogError>;

    /// Puts a delivery into line again, with a schedule of its own; one that stands in line is tried now if it is the
    /// first of its lane. Says whether there is such a delivery.
    async fn redeliver(
        &self,
        endpoint: EndpointId,
        delivery: interflow_domain::DeliveryId,
        now: DateTime<Utc>,
    ) -> Result<bool, LogError>;

    /// Begins a replay. An endpoint has one at a time: says whether it has none other.
    async fn replay(&self, endpoint: EndpointId, replay: Replay) -> Result<bool, LogError>;

    /// The first position of a workspace's log whose event was recorded at this time or later; one behind the log's end
    /// when there is none.
    async fn position_at(&self, workspace: WorkspaceId, at: DateTime<Utc>) -> Result<u64, LogError>;
}

/// Most deliveries of an endpoint that are open; beyond that no more are made until some are settled.
pub const MAX_OPEN: u32 = 10_000;
/// How many times as long as others dead letters are kept.
pub const DEAD_LETTERS: u32 = 3;

/// Resolves names.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Every address a name has; none when it does not resolve.
    async fn resolve(&self, name: &str, port: u16) -> Vec<IpAddr>;
}

/// Judges the address of an endpoint before it is saved: its form, and every address its name resolves to now. It is
/// judged again at every connect.
pub async fn judge(text: &str, policy: &UrlPolicy, resolver: &dyn Resolver) -> Result<Target, UrlError> {
    let target = super::url::parse(text, policy)?;
    if let TargetHost::Name(name) = &target.host {
        let addresses = resolver.resolve(name, target.port).await;
        if addresses.is_empty() && policy.allowed != AllowList::everything() {
            return Err(UrlError::Unresolved);
        }
        addresses.into_iter().try_for_each(|address| policy.allowed.check(address))?;
    }
    Ok(target)
}
