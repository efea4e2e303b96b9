//! The task of an endpoint: it has all that is known of it, for as long as this node has the lease.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::webhook::{DisableReason, PausedBy, Phase, RetrySchedule, Webhook};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt::{Tried, attempt};
use super::outcome::{Judged, after as end_of, judge, unspeakable};
use super::pace::Pace;
use super::{Dispatcher, is_passing};
use crate::log::StreamId;
use crate::webhook::breaker::{Admission, Breaker, State};
use crate::webhook::ports::{EndpointId, Head, Lease, Replay, Settled, Settlement, Stretch, Taken, Wanted};
use crate::webhook::{Lane, Subscription, current, schedule};
use crate::{Backoff, ClearWebhookBacklog, DisableWebhook, Error, PauseWebhook};

/// How many heads of lanes are asked for at a time, for each that may be delivered.
const AHEAD: usize = 8;
/// An endpoint that wants none of so many events has that written down all the same.
const NOTED_EVERY: u64 = 1_000;
/// How long a task tries to write down what came of attempts: longer than the database takes to come back.
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Backoff = Backoff { base: Duration::from_millis(50), cap: Duration::from_secs(2) };

/// Why a task ends that did not fail.
enum Ended {
    /// The server stops, or leaves the endpoint to another node.
    Stopped,
    /// The endpoint is not to be delivered for.
    Inactive,
    /// Another node has it.
    Lost,
}

pub(super) struct Endpoint<'d> {
    pub(super) dispatcher: &'d Dispatcher,
    pub(super) lease: Lease,
    /// Up to where the log was read, and up to where that is stored.
    position: u64,
    noted: u64,
    open: u32,
    breaker: Breaker,
    throttled_until: Option<DateTime<Utc>>,
    webhook: Arc<Webhook>,
    version: u64,
    ready: VecDeque<Head>,
    /// The lanes that are being delivered.
    busy: Vec<Lane>,
    under_way: JoinSet<Tried>,
    pace: Pace,
    /// When there is something to deliver, as far as is known.
    due: Option<DateTime<Utc>>,
    /// Until when nothing may begin: the breaker or the pace says so.
    held_until: Option<DateTime<Utc>>,
    pub(super) replay: Option<Replay>,
    /// Whether what is stored is to be looked at anew.
    pub(super) look: bool,
}

/// Delivers for an endpoint until it is stopped, is not to be delivered for any more, or has another owner.
pub(super) async fn run(
    dispatcher: &Dispatcher,
    endpoint: EndpointId,
    stopping: &CancellationToken,
) -> Result<(), Error> {
    let Some(taken) = dispatcher.0.ports.store.acquire(endpoint).await? else { return Ok(()) };
    let mut task = Endpoint::new(dispatcher, taken);
    let ended = task.deliver(stopping).await;
    // Whatever ended it: what is on its way is at its receiver, and that is to be known.
    let settled = match ended {
        Ok(Ended::Lost) => return Ok(()),
        _ => task.finish().await,
    };
    let released = dispatcher.0.ports.store.release(task.lease).await;
    ended?;
    settled?;
    Ok(released?)
}

impl<'d> Endpoint<'d> {
    fn new(dispatcher: &'d Dispatcher, taken: Taken) -> Self {
        let Taken { lease, position, open, breaker, throttled_until } = taken;
        Self {
            dispatcher,
            lease,
            position,
            noted: position,
            open,
            breaker,
            throttled_until,
            webhook: Arc::default(),
            version: 0,
            ready: VecDeque::new(),
            busy: vec![],
            under_way: JoinSet::new(),
            pace: Pace::default(),
            due: None,
            held_until: None,
            replay: None,
            look: true,
        }
    }

    async fn deliver(&mut self, stopping: &CancellationToken) -> Result<Ended, Error> {
        let settings = &self.dispatcher.0.settings;
        let mut heard = self.dispatcher.0.ports.wakeups.positions(self.lease.endpoint.workspace);
        let mut looked = Instant::now();
        loop {
            if stopping.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            heard.mark_unchanged();
            if looked.elapsed() >= settings.poll {
                (self.look, looked) = (true, Instant::now());
                if !self.note().await? {
                    return Ok(Ended::Lost);
                }
            }
            if let Some(ended) = self.look_up().await? {
                return Ok(ended);
            }
            if self.breaker.is_given_up(self.now()) {
                return self.disable(DisableReason::Failing).await;
            }
            let Some(more) = self.read_on().await? else { return Ok(Ended::Lost) };
            if let Some(ended) = self.look_up().await? {
                return Ok(ended);
            }
            self.begin();
            self.note_backlog().await?;
            let wait = if more { Duration::ZERO } else { self.wait(looked) };
            if let Some(ended) = self.wait_for(wait, &mut heard, stopping).await? {
                return Ok(ended);
            }
        }
    }

    /// Waits until there is something to do, and takes what attempts came to.
    async fn wait_for(
        &mut self,
        wait: Duration,
        heard: &mut watch::Receiver<u64>,
        stopping: &CancellationToken,
    ) -> Result<Option<Ended>, Error> {
        tokio::select! {
            biased;
            Some(tried) = self.under_way.join_next() => {
                let mut all = vec![tried];
                all.extend(std::iter::from_fn(|| self.under_way.try_join_next()));
                // A task of ours that panicked says so in the log, and is one that was never made.
                return self.settle(all.into_iter().flatten().collect()).await;
            }
            () = stopping.cancelled() => {}
            // Where nobody is left to ring, the polls are.
            changed = heard.changed() => if changed.is_err() { tokio::time::sleep(wait).await },
            () = tokio::time::sleep(wait) => {}
        }
        Ok(None)
    }

    /// How long there is nothing to do that nobody would ring for.
    fn wait(&self, looked: Instant) -> Duration {
        let settings = &self.dispatcher.0.settings;
        let next = [self.held_until, self.throttled_until.filter(|_| !self.ready.is_empty())]
            .into_iter()
            .flatten()
            .max();
        let next = if self.ready.is_empty() { self.due } else { next };
        let until = next.map(|at| (at - self.now()).to_std().unwrap_or_default());
        let poll = settings.poll.saturating_sub(looked.elapsed());
        // Another clock than ours may pass faster: it is looked at every tick.
        let until = until.map_or(poll, |until| until.min(settings.tick).max(Duration::from_millis(1)));
        until.min(poll).max(Duration::from_millis(1))
    }

    fn now(&self) -> DateTime<Utc> {
        self.dispatcher.0.core.clock.now()
    }

    /// Looks at what is stored, when there is a reason to: how the endpoint stands, and what is due.
    async fn look_up(&mut self) -> Result<Option<Ended>, Error> {
        let now = self.now();
        let is_due = self.ready.is_empty() && self.due.is_some_and(|due| due <= now);
        if !self.look && !is_due {
            return Ok(None);
        }
        let lanes = self.dispatcher.0.settings.lanes_at_once;
        let occupied: Vec<_> =
            self.busy.iter().copied().chain(self.ready.iter().map(|head| head.delivery.lane)).collect();
        let limit = lanes * AHEAD;
        let asked = u32::try_from(limit.saturating_sub(self.ready.len())).unwrap_or(1).max(1);
        let Some(next) = self.dispatcher.0.ports.store.next(self.lease, &occupied, asked).await? else {
            return Ok(Some(Ended::Lost));
        };
        self.look = false;
        // What is deleted has no row, whatever is remembered of it here.
        if next.version == 0 {
            return Ok(Some(Ended::Inactive));
        }
        self.open = next.open;
        self.replay = next.replay;
        let EndpointId { workspace, webhook } = self.lease.endpoint;
        self.dispatcher.0.library.note_erasures(workspace, next.erasures);
        if next.version != self.version {
            self.webhook = current(&*self.dispatcher.0.core.log, workspace, webhook, next.version).await?;
            self.version = next.version;
        }
        if !self.is_active() {
            return Ok(Some(Ended::Inactive));
        }
        let is_all = next.heads.len() < asked as usize;
        let (due, later): (Vec<_>, Vec<_>) = next.heads.into_iter().partition(|head| head.due_at <= now);
        self.ready.extend(due);
        // More than was asked for may be due: then they are when these are gone.
        let later = later.iter().map(|head| head.due_at).min();
        self.due = later.or(if is_all { None } else { Some(now) });
        Ok(None)
    }

    /// Also while it is paused for its backlog, which is to become smaller.
    fn is_active(&self) -> bool {
        matches!(self.webhook.phase(), Phase::Active | Phase::Paused { by: PausedBy::Backlog })
    }

    /// Reads the log on. Says whether there may be more at once; nothing when the lease is lost.
    async fn read_on(&mut self) -> Result<Option<bool>, Error> {
        let max_open = self.dispatcher.0.settings.max_open;
        if self.open >= max_open || self.webhook.phase() != Phase::Active {
            return Ok(Some(false));
        }
        if let Some(replay) = self.replay {
            self.replay_on(replay).await?;
            return Ok(Some(true));
        }
        let stretch = self.stretch_after(self.position, None, max_open - self.open).await?;
        if stretch.until == self.position {
            return Ok(Some(false));
        }
        self.position = stretch.until;
        if !stretch.wanted.is_empty() || self.position - self.noted >= NOTED_EVERY {
            let Some(open) = self.dispatcher.0.ports.store.enqueue(self.lease, &stretch).await? else {
                return Ok(None);
            };
            (self.open, self.noted) = (open, self.position);
            self.look |= !stretch.wanted.is_empty() && self.ready.is_empty();
        }
        Ok(Some(true))
    }

    /// What the endpoint wants of the next events, at most so many.
    pub(super) async fn stretch_after(
        &mut self,
        position: u64,
        until: Option<u64>,
        room: u32,
    ) -> Result<Stretch, Error> {
        let EndpointId { workspace, webhook: own } = self.lease.endpoint;
        let entries = self.dispatcher.0.library.after(workspace, position).await?;
        let mut stretch = self.nothing_of(position, position);
        let webhook = Arc::clone(&self.webhook);
        let Some(settings) = webhook.settings() else { return Ok(stretch) };
        let subscription = Subscription::new(settings);
        for entry in entries.iter().filter(|entry| until.is_none_or(|until| entry.recorded.position <= until))
        {
            let recorded = &entry.recorded;
            self.look |= recorded.stream == StreamId::Webhook(own);
            if let (Some(event_type), Some(placement)) =
                (subscription.event_type(&recorded.event), entry.placement)
                && subscription.covers(placement)
            {
                if stretch.wanted.len() >= room as usize {
                    break;
                }
                let (event, position, lane) = (recorded.id, recorded.position, placement.lane());
                stretch.wanted.push(Wanted { event, position, event_type, lane });
            }
            stretch.until = recorded.position;
        }
        Ok(stretch)
    }

    pub(super) fn nothing_of(&self, after: u64, until: u64) -> Stretch {
        let at = self.now();
        let first = schedule::wait(&self.plan(), 0, None, 0.0).unwrap_or_default();
        Stretch { after, until, wanted: vec![], due_at: end_of(at, first), at }
    }

    fn plan(&self) -> RetrySchedule {
        self.webhook.settings().and_then(|settings| settings.schedule.clone()).unwrap_or_default()
    }

    /// Lets attempts begin, as many as may.
    fn begin(&mut self) {
        let now = self.now();
        self.held_until = None;
        if self.throttled_until.is_some_and(|until| now < until) {
            return;
        }
        let limit = self.webhook.settings().and_then(|settings| settings.rate_limit);
        while self.under_way.len() < self.dispatcher.0.settings.lanes_at_once && !self.ready.is_empty() {
            if let Err(at) = self.pace.may_start(limit, now) {
                self.held_until = Some(at);
                return;
            }
            if let Admission::NotBefore(at) = self.breaker.admit(now) {
                self.held_until = Some(at);
                return;
            }
            self.pace.start(limit, now);
            let Some(head) = self.ready.pop_front() else { return };
            self.busy.push(head.delivery.lane);
            let (dispatcher, webhook) = (self.dispatcher.clone(), Arc::clone(&self.webhook));
            self.under_way.spawn(attempt(dispatcher, webhook, head, self.position));
        }
    }

    /// Writes down what attempts came to.
    async fn settle(&mut self, tried: Vec<Tried>) -> Result<Option<Ended>, Error> {
        let (now, plan) = (self.now(), self.plan());
        let (mut settlements, mut disable): (Vec<Settlement>, _) = (vec![], None);
        let mut unread = None;
        for one in tried {
            let judged = match one {
                Tried::Made(head, attempt) => judge(head, attempt, &plan, now),
                Tried::Unspeakable(head) => {
                    settlements.push(unspeakable(head, now));
                    continue;
                }
                Tried::Unread(error) => {
                    unread = Some(error);
                    continue;
                }
            };
            let Judged { settlement, succeeded, disable: asked, throttled_until } = judged;
            self.breaker.record(succeeded, now);
            disable = disable.or(asked);
            self.throttled_until = self.throttled_until.max(throttled_until);
            settlements.push(settlement);
        }
        self.busy.retain(|lane| settlements.iter().all(|one| one.delivery.lane != *lane));
        self.throttled_until = self.throttled_until.filter(|until| *until > now);
        let (breaker, throttled_until) = (self.breaker.clone(), self.throttled_until);
        let Some(open) = self.write(&Settled { settlements, breaker, throttled_until, at: now }).await?
        else {
            return Ok(Some(Ended::Lost));
        };
        self.open = open;
        self.look |= self.ready.is_empty();
        self.due = self.due.or(Some(now));
        if let Some(error) = unread {
            return Err(error.into());
        }
        match disable {
            Some(reason) => self.disable(reason).await.map(Some),
            None => Ok(None),
        }
    }

    /// What attempts came to is known here alone, so it is tried for a while.
    async fn write(&self, settled: &Settled) -> Result<Option<u32>, Error> {
        let began = Instant::now();
        for failures in 1.. {
            match self.dispatcher.0.ports.store.settle(self.lease, settled).await.map_err(Error::from) {
                Err(error) if is_passing(&error) && began.elapsed() < PATIENCE => {
                    tracing::debug!(%error, "what came of deliveries could not be written down yet");
                    tokio::time::sleep(RETRY.wait(failures)).await;
                }
                other => return other,
            }
        }
        Ok(None)
    }

    async fn disable(&mut self, reason: DisableReason) -> Result<Ended, Error> {
        let EndpointId { workspace, webhook: id } = self.lease.endpoint;
        let context = self.dispatcher.internal(workspace);
        tracing::warn!(webhook = %id, reason = reason.name(), "a webhook is disabled");
        match self.dispatcher.0.core.run(&context, &DisableWebhook { id, reason }).await {
            // Deleted meanwhile.
            Ok(_) | Err(Error::NotFound(_)) => Ok(Ended::Inactive),
            Err(error) => Err(error),
        }
    }

    /// Says so when no more deliveries are made because the receiver takes none, and when they are again. That an
    /// endpoint which catches up has its line full is no news.
    async fn note_backlog(&mut self) -> Result<(), Error> {
        let EndpointId { workspace, webhook: id } = self.lease.endpoint;
        let max_open = self.dispatcher.0.settings.max_open;
        let core = &self.dispatcher.0.core;
        match self.webhook.phase() {
            Phase::Active if self.open >= max_open && self.breaker.state() != State::Closed => {
                let pause = PauseWebhook { id, by: PausedBy::Backlog, expected: None };
                core.run(&self.dispatcher.internal(workspace), &pause).await?;
            }
            Phase::Paused { by: PausedBy::Backlog } if self.open <= max_open / 2 => {
                core.run(&self.dispatcher.internal(workspace), &ClearWebhookBacklog { id }).await?;
            }
            _ => return Ok(()),
        }
        self.look = true;
        if let Some(Ended::Inactive) = self.look_up().await? {
            tracing::debug!(webhook = %id, "a webhook was stopped while its backlog was noted");
        }
        Ok(())
    }

    /// Waits for the attempts that are under way, and writes down how far it came.
    async fn finish(&mut self) -> Result<(), Error> {
        self.ready.clear();
        while let Some(tried) = self.under_way.join_next().await {
            let mut all = vec![tried];
            all.extend(std::iter::from_fn(|| self.under_way.try_join_next()));
            if let Some(Ended::Lost) = Box::pin(self.settle(all.into_iter().flatten().collect())).await? {
                return Ok(());
            }
        }
        self.note().await.map(drop)
    }

    /// Writes down up to where the log was read of which nothing was wanted. Says whether the lease still holds.
    async fn note(&mut self) -> Result<bool, Error> {
        if self.position == self.noted {
            return Ok(true);
        }
        let stretch = self.nothing_of(self.noted, self.position);
        self.noted = self.position;
        Ok(self.dispatcher.0.ports.store.enqueue(self.lease, &stretch).await?.is_some())
    }
}
