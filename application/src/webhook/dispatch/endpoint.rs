//! The task of an endpoint: it has all that is known of it, for as long as this node has the lease.
//!
//! Attempts go on while the database is asked ([`desk`](super::desk)): at most one look at what is due and one write are
//! under way. What came of the attempts that ended meanwhile is written together by the next write, so the more there
//! are, the less each costs. A lane is busy until what came of its attempt is written: so its order holds over a crash.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::webhook::{DisableReason, PausedBy, Phase, RetrySchedule, Webhook};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Dispatcher;
use super::attempt::{Tried, attempt};
use super::desk::{Desk, Done, Looked, Reader, Reading};
use super::outcome::{Judged, judge, unspeakable};
use super::pace::Pace;
use crate::log::LogError;
use crate::webhook::Lane;
use crate::webhook::breaker::{Admission, Breaker, State};
use crate::webhook::ports::{EndpointId, Head, Lease, Replay, Settled, Settlement, Taken};
use crate::{ClearWebhookBacklog, DisableWebhook, Error, PauseWebhook};

/// How many heads of lanes are known ahead, for each that may be delivered.
const AHEAD: usize = 8;
/// How many lanes wait for their attempts to be written down, those under attempt included, for each that may be
/// delivered: so many deliveries are made twice at most when the process dies.
const UNSETTLED: usize = 4;
/// The line is full until so many deliveries have left it, so that what is put into it comes in large pieces.
const PIECE: u32 = 256;

/// Why a task ends that did not fail.
enum Ended {
    /// The server stops, or leaves the endpoint to another node.
    Stopped,
    /// The endpoint is not to be delivered for.
    Inactive,
    /// Another node has it.
    Lost,
}

struct Endpoint<'d> {
    dispatcher: &'d Dispatcher,
    lease: Lease,
    desk: Desk,
    /// Up to where the log was read, and up to where that is stored.
    position: u64,
    noted: u64,
    /// Whether there may be more of the log, and whether how far it was read is to be stored.
    behind: bool,
    note: bool,
    open: u32,
    full: bool,
    breaker: Breaker,
    throttled_until: Option<DateTime<Utc>>,
    webhook: Arc<Webhook>,
    version: u64,
    ready: VecDeque<Head>,
    /// The lanes that are being delivered, until that is written down.
    busy: Vec<Lane>,
    under_way: JoinSet<Tried>,
    /// What came of attempts and is not being written yet.
    settlements: Vec<Settlement>,
    pace: Pace,
    /// When there is something to deliver, as far as is known.
    due: Option<DateTime<Utc>>,
    /// Until when nothing may begin: the breaker or the pace says so.
    held_until: Option<DateTime<Utc>>,
    replay: Option<Replay>,
    /// Whether what is stored is to be looked at anew.
    look: bool,
    /// The receiver asked for it.
    disable: Option<DisableReason>,
    unread: Option<LogError>,
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
            desk: Desk::new(dispatcher.clone(), lease),
            position,
            noted: position,
            behind: true,
            note: false,
            open,
            full: open >= dispatcher.0.settings.max_open,
            breaker,
            throttled_until,
            webhook: Arc::default(),
            version: 0,
            ready: VecDeque::new(),
            busy: vec![],
            under_way: JoinSet::new(),
            settlements: vec![],
            pace: Pace::default(),
            due: None,
            held_until: None,
            replay: None,
            look: true,
            disable: None,
            unread: None,
        }
    }

    async fn deliver(&mut self, stopping: &CancellationToken) -> Result<Ended, Error> {
        let mut heard = self.dispatcher.0.ports.wakeups.positions(self.lease.endpoint.workspace);
        let mut polled = Instant::now();
        loop {
            if stopping.is_cancelled() {
                return Ok(Ended::Stopped);
            }
            if polled.elapsed() >= self.dispatcher.0.settings.poll {
                (self.look, self.behind, self.note, polled) = (true, true, true, Instant::now());
            }
            if let Some(error) = self.unread.take() {
                return Err(error.into());
            }
            if let Some(reason) = self.disable.take() {
                return self.disable(reason).await;
            }
            if self.version > 0 && self.breaker.is_given_up(self.now()) {
                return self.disable(DisableReason::Failing).await;
            }
            self.look_up();
            self.write_on();
            self.begin();
            self.note_backlog().await?;
            if let Some(ended) = self.wait_for(self.wait(polled), &mut heard, stopping).await? {
                return Ok(ended);
            }
        }
    }

    /// Waits until there is something to do, and takes what came.
    async fn wait_for(
        &mut self,
        wait: Duration,
        heard: &mut watch::Receiver<u64>,
        stopping: &CancellationToken,
    ) -> Result<Option<Ended>, Error> {
        tokio::select! {
            biased;
            Some(done) = self.desk.done() => return self.take(done),
            Some(tried) = self.under_way.join_next() => {
                // A task of ours that panicked says so in the log, and is one that was never made.
                tried.into_iter().for_each(|tried| self.judge(tried));
                while let Some(tried) = self.under_way.try_join_next() {
                    tried.into_iter().for_each(|tried| self.judge(tried));
                }
            }
            () = stopping.cancelled() => {}
            // Where nobody is left to ring, the polls are.
            changed = heard.changed() => match changed {
                Ok(()) => self.behind = true,
                Err(_) => tokio::time::sleep(wait).await,
            },
            () = tokio::time::sleep(wait) => {}
        }
        Ok(None)
    }

    /// How long there is nothing to do that nobody would ring for.
    fn wait(&self, polled: Instant) -> Duration {
        let settings = &self.dispatcher.0.settings;
        let held = [self.held_until, self.throttled_until].into_iter().flatten().max();
        let held = held.filter(|_| !self.ready.is_empty());
        let due = self.due.filter(|_| self.wants_heads() && !self.desk.is_looking());
        let until = held.into_iter().chain(due).min();
        let until = until.map(|at| (at - self.now()).to_std().unwrap_or_default());
        let poll = settings.poll.saturating_sub(polled.elapsed());
        // Another clock than ours may pass faster: it is looked at every tick.
        until.map_or(poll, |until| until.min(settings.tick)).min(poll).max(Duration::from_millis(1))
    }

    fn now(&self) -> DateTime<Utc> {
        self.dispatcher.0.core.clock.now()
    }

    /// Whether so few heads are known that others are to be, before these are gone.
    fn wants_heads(&self) -> bool {
        self.ready.len() <= self.dispatcher.0.settings.lanes_at_once
    }

    /// Looks at what is stored, when there is a reason to: how the endpoint stands, and what is due.
    fn look_up(&mut self) {
        let is_due = self.wants_heads() && self.due.is_some_and(|due| due <= self.now());
        if self.desk.is_looking() || !(self.look || is_due) {
            return;
        }
        self.look = false;
        let occupied = self.busy.iter().copied().chain(self.ready.iter().map(|head| head.delivery.lane));
        let limit = self.dispatcher.0.settings.lanes_at_once * AHEAD;
        let asked = u32::try_from(limit.saturating_sub(self.ready.len())).unwrap_or(1).max(1);
        self.desk.look(occupied.collect(), asked, (self.version, Arc::clone(&self.webhook)));
    }

    fn looked(&mut self, looked: Looked) -> Option<Ended> {
        let Looked { next, webhook, is_all, overtaken } = looked;
        // What is deleted has no row, whatever is remembered of it here.
        if next.version == 0 {
            return Some(Ended::Inactive);
        }
        (self.webhook, self.version) = (webhook, next.version);
        if !self.is_active() {
            return Some(Ended::Inactive);
        }
        if !overtaken {
            self.opened(next.open);
        }
        // How far its own replay is, this task knows better than a look that was overtaken.
        let is_known = |found: Replay| self.replay.is_some_and(|own| own.job == found.job);
        if !next.replay.is_some_and(is_known) {
            self.replay = next.replay;
        }
        let now = self.now();
        let (due, later): (Vec<_>, Vec<_>) = next.heads.into_iter().partition(|head| head.due_at <= now);
        self.ready.extend(due);
        // More than was asked for may be due, and lanes that went on meanwhile: then they are when these are gone.
        let later = later.iter().map(|head| head.due_at).min();
        self.due = if is_all && !overtaken { later } else { later.map_or(Some(now), |at| Some(at.min(now))) };
        None
    }

    /// Also while it is paused for its backlog, which is to become smaller.
    fn is_active(&self) -> bool {
        matches!(self.webhook.phase(), Phase::Active | Phase::Paused { by: PausedBy::Backlog })
    }

    fn opened(&mut self, open: u32) {
        let most = self.dispatcher.0.settings.max_open;
        self.open = open;
        self.full = open >= most || (self.full && open > most - PIECE.min(most / 8));
    }

    /// Lets the next write begin, if there is one: what came of attempts, or more of the log, in turns.
    fn write_on(&mut self) {
        if self.desk.is_writing() {
            return;
        }
        let reads =
            !self.full && self.webhook.phase() == Phase::Active && !self.look && !self.desk.is_looking();
        let reads = reads && (self.behind || self.replay.is_some());
        let is_turn_of_reads = reads && self.desk.has_settled();
        if !is_turn_of_reads && !self.settlements.is_empty() {
            self.write_settlements();
        } else if let Some(replay) = self.replay.filter(|_| reads) {
            self.desk.replay(self.reader(u32::MAX), replay);
        } else if reads {
            self.behind = false;
            let room = self.dispatcher.0.settings.max_open - self.open;
            self.desk.read(self.reader(room), self.position, self.noted);
        } else if self.note {
            self.note = false;
            if self.noted < self.position {
                self.desk.note(self.reader(0), self.noted, self.position);
            }
        }
    }

    fn write_settlements(&mut self) {
        let now = self.now();
        self.throttled_until = self.throttled_until.filter(|until| *until > now);
        self.desk.settle(Settled {
            settlements: std::mem::take(&mut self.settlements),
            breaker: self.breaker.clone(),
            throttled_until: self.throttled_until,
            at: now,
        });
    }

    fn reader(&self, room: u32) -> Reader {
        Reader { webhook: Arc::clone(&self.webhook), plan: self.plan(), room }
    }

    fn plan(&self) -> RetrySchedule {
        self.webhook.settings().and_then(|settings| settings.schedule.clone()).unwrap_or_default()
    }

    /// Takes what was asked of the database.
    fn take(&mut self, done: Result<Done, Error>) -> Result<Option<Ended>, Error> {
        match done? {
            Done::Lost => return Ok(Some(Ended::Lost)),
            Done::Looked(looked) => return Ok(self.looked(*looked)),
            Done::Settled { lanes, open } => {
                self.busy.retain(|lane| !lanes.contains(lane));
                self.opened(open);
                self.due = Some(self.now());
            }
            Done::Read(Reading { until, open, concerns_itself }) => {
                self.look |= concerns_itself;
                self.behind |= until > self.position;
                self.position = until;
                if let Some(open) = open {
                    self.noted = until;
                    self.opened(open);
                    self.due = Some(self.now());
                }
            }
            // How many are open is to be asked; so is whether the lease is lost, where there is none.
            Done::Replayed(replay) => (self.replay, self.look) = (replay, true),
        }
        Ok(None)
    }

    /// Lets attempts begin, as many as may.
    fn begin(&mut self) {
        let now = self.now();
        self.held_until = None;
        if self.throttled_until.is_some_and(|until| now < until) {
            return;
        }
        let limit = self.webhook.settings().and_then(|settings| settings.rate_limit);
        let most = self.dispatcher.0.settings.lanes_at_once;
        while self.under_way.len() < most && self.busy.len() < most * UNSETTLED && !self.ready.is_empty() {
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

    /// What an attempt came to, which is to be written down.
    fn judge(&mut self, tried: Tried) {
        let now = self.now();
        let judged = match tried {
            Tried::Made(head, attempt) => judge(head, attempt, &self.plan(), now),
            Tried::Unspeakable(head) => return self.settlements.push(unspeakable(head, now)),
            Tried::Unread(error) => {
                self.unread = Some(error);
                return;
            }
        };
        let Judged { settlement, succeeded, disable, throttled_until } = judged;
        self.breaker.record(succeeded, now);
        self.disable = self.disable.or(disable);
        self.throttled_until = self.throttled_until.max(throttled_until);
        self.settlements.push(settlement);
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
        if self.look || self.desk.is_looking() {
            return Ok(());
        }
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
        Ok(())
    }

    /// Waits for the attempts that are under way, and writes down what came of them and how far it came.
    async fn finish(&mut self) -> Result<(), Error> {
        self.ready.clear();
        loop {
            if !self.desk.is_writing() && !self.settlements.is_empty() {
                self.write_settlements();
            }
            tokio::select! {
                biased;
                Some(done) = self.desk.done() => if let Some(Ended::Lost) = self.take(done)? { return Ok(()) },
                Some(tried) = self.under_way.join_next() => {
                    tried.into_iter().for_each(|tried| self.judge(tried));
                }
                else => break,
            }
        }
        if self.noted < self.position {
            self.desk.note(self.reader(0), self.noted, self.position);
            while let Some(done) = self.desk.done().await {
                done?;
            }
        }
        if let Some(reason) = self.disable.take() {
            self.disable(reason).await?;
        }
        Ok(())
    }
}
