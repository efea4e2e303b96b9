//! What the task of an endpoint asks of the database beside its attempts: one look and one write at a time.

use std::sync::Arc;
use std::time::Duration;

use interflow_domain::job::{JobCommand, JobStatus};
use interflow_domain::webhook::{RetrySchedule, Webhook};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::outcome::after as end_of;
use super::{Dispatcher, is_passing};
use crate::log::StreamId;
use crate::webhook::ports::{EndpointId, Lease, Next, Replay, Settled, Stretch, Wanted};
use crate::webhook::{Lane, Subscription, current, schedule};
use crate::{Backoff, Error, RecordJob};

/// An endpoint that wants none of so many events has that written down all the same.
const NOTED_EVERY: u64 = 1_000;
/// How long it is tried to write down what came of attempts: longer than the database takes to come back.
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Backoff = Backoff { base: Duration::from_millis(50), cap: Duration::from_secs(2) };

/// What was asked is answered.
pub(super) enum Done {
    /// Another node has the endpoint.
    Lost,
    /// How the endpoint stands, and what is due.
    Looked(Box<Looked>),
    /// What came of attempts is written.
    Settled {
        /// Of these lanes.
        lanes: Vec<Lane>,
        /// How many deliveries are open now.
        open: u32,
    },
    /// More of the log was read.
    Read(Reading),
    /// A replay went on: as it is now; nothing when it was ended, or the lease is lost.
    Replayed(Option<Replay>),
}

/// What a look found.
pub(super) struct Looked {
    pub(super) next: Next,
    /// As of the version that was found.
    pub(super) webhook: Arc<Webhook>,
    /// Whether there are no other heads than these.
    pub(super) is_all: bool,
    /// Whether something was written while it looked.
    pub(super) overtaken: bool,
}

/// How far the log was read.
pub(super) struct Reading {
    pub(super) until: u64,
    /// How many deliveries are open now; nothing when nothing had to be written.
    pub(super) open: Option<u32>,
    /// Whether something of it happened to the endpoint itself.
    pub(super) concerns_itself: bool,
}

/// By what the log is read.
pub(super) struct Reader {
    pub(super) webhook: Arc<Webhook>,
    pub(super) plan: RetrySchedule,
    /// At most so many deliveries.
    pub(super) room: u32,
}

/// What is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Look,
    Write,
}

pub(super) struct Desk {
    at: Place,
    tasks: JoinSet<(Asked, Result<Done, Error>)>,
    looking: bool,
    writing: bool,
    /// Whether something was written while the look under way was.
    overtaken: bool,
    settled: bool,
}

/// Where what is asked is carried out.
#[derive(Clone)]
struct Place {
    dispatcher: Dispatcher,
    lease: Lease,
}

impl Desk {
    pub(super) fn new(dispatcher: Dispatcher, lease: Lease) -> Self {
        let (at, tasks) = (Place { dispatcher, lease }, JoinSet::new());
        Self { at, tasks, looking: false, writing: false, overtaken: false, settled: false }
    }

    pub(super) const fn is_looking(&self) -> bool {
        self.looking
    }

    pub(super) const fn is_writing(&self) -> bool {
        self.writing
    }

    /// Whether the last write was of what came of attempts.
    pub(super) const fn has_settled(&self) -> bool {
        self.settled
    }

    /// What was answered; nothing when nothing is asked.
    pub(super) async fn done(&mut self) -> Option<Result<Done, Error>> {
        let (asked, done) = match self.tasks.join_next().await? {
            Ok(answered) => answered,
            // Which it was is not known; either way the endpoint is begun again.
            Err(error) => {
                (self.looking, self.writing) = (false, false);
                return Some(Err(Error::Internal(format!("what a webhook asked for broke off: {error}"))));
            }
        };
        match asked {
            Asked::Look => self.looking = false,
            Asked::Write => self.writing = false,
        }
        Some(done.map(|done| match done {
            Done::Looked(looked) => Done::Looked(Box::new(Looked { overtaken: self.overtaken, ..*looked })),
            other => other,
        }))
    }

    fn write(&mut self, task: impl Future<Output = Result<Done, Error>> + Send + 'static) {
        (self.writing, self.overtaken, self.settled) = (true, true, false);
        self.tasks.spawn(async move { (Asked::Write, task.await) });
    }

    /// Looks at what is due, but for these lanes. `known` is the endpoint at a version.
    pub(super) fn look(&mut self, occupied: Vec<Lane>, asked: u32, known: (u64, Arc<Webhook>)) {
        (self.looking, self.overtaken) = (true, self.writing);
        let at = self.at.clone();
        self.tasks.spawn(async move { (Asked::Look, at.look(&occupied, asked, known).await) });
    }

    /// Writes down what came of attempts.
    pub(super) fn settle(&mut self, settled: Settled) {
        let at = self.at.clone();
        self.write(async move { at.settle(&settled).await });
        self.settled = true;
    }

    /// Reads the log on.
    pub(super) fn read(&mut self, reader: Reader, position: u64, noted: u64) {
        let at = self.at.clone();
        self.write(async move { at.read(&reader, position, noted).await });
    }

    /// Stores how far the log was read of which nothing was wanted.
    pub(super) fn note(&mut self, reader: Reader, noted: u64, position: u64) {
        let at = self.at.clone();
        self.write(async move { at.enqueue(at.nothing_of(&reader, noted, position), false).await });
    }

    /// Puts the next stretch of a replay into line, or ends it.
    pub(super) fn replay(&mut self, reader: Reader, replay: Replay) {
        let at = self.at.clone();
        self.write(async move { at.replay(&reader, replay).await });
    }
}

impl Place {
    async fn look(
        &self,
        occupied: &[Lane],
        asked: u32,
        (version, webhook): (u64, Arc<Webhook>),
    ) -> Result<Done, Error> {
        let inner = &self.dispatcher.0;
        let Some(next) = inner.ports.store.next(self.lease, occupied, asked).await? else {
            return Ok(Done::Lost);
        };
        let EndpointId { workspace, webhook: id } = self.lease.endpoint;
        inner.library.note_erasures(workspace, next.erasures);
        let webhook = match next.version {
            0 => webhook,
            same if same == version => webhook,
            newer => current(&*inner.core.log, workspace, id, newer).await?,
        };
        let is_all = next.heads.len() < asked as usize;
        Ok(Done::Looked(Box::new(Looked { next, webhook, is_all, overtaken: false })))
    }

    /// What attempts came to is known here alone, so it is tried for a while.
    async fn settle(&self, settled: &Settled) -> Result<Done, Error> {
        let began = Instant::now();
        for failures in 1.. {
            match self.dispatcher.0.ports.store.settle(self.lease, settled).await.map_err(Error::from) {
                Err(error) if is_passing(&error) && began.elapsed() < PATIENCE => {
                    tracing::debug!(%error, "what came of deliveries could not be written down yet");
                    tokio::time::sleep(RETRY.wait(failures)).await;
                }
                Err(error) => return Err(error),
                Ok(None) => return Ok(Done::Lost),
                Ok(Some(open)) => {
                    let lanes = settled.settlements.iter().map(|one| one.delivery.lane).collect();
                    return Ok(Done::Settled { lanes, open });
                }
            }
        }
        Ok(Done::Lost)
    }

    async fn read(&self, reader: &Reader, position: u64, noted: u64) -> Result<Done, Error> {
        let (stretch, concerns_itself) = self.stretch_after(reader, position, None).await?;
        if stretch.wanted.is_empty() && stretch.until - noted < NOTED_EVERY {
            return Ok(Done::Read(Reading { until: stretch.until, open: None, concerns_itself }));
        }
        self.enqueue(stretch, concerns_itself).await
    }

    async fn enqueue(&self, stretch: Stretch, concerns_itself: bool) -> Result<Done, Error> {
        let open = self.dispatcher.0.ports.store.enqueue(self.lease, &stretch).await?;
        let reading = |open| Done::Read(Reading { until: stretch.until, open: Some(open), concerns_itself });
        Ok(open.map_or(Done::Lost, reading))
    }

    /// What the endpoint wants of the next events, at most as many as there is room for, and whether one of the events
    /// happened to the endpoint itself.
    async fn stretch_after(
        &self,
        reader: &Reader,
        position: u64,
        until: Option<u64>,
    ) -> Result<(Stretch, bool), Error> {
        let EndpointId { workspace, webhook: own } = self.lease.endpoint;
        let entries = self.dispatcher.0.library.after(workspace, position).await?;
        let (mut stretch, mut concerns_itself) = (self.nothing_of(reader, position, position), false);
        let Some(settings) = reader.webhook.settings() else { return Ok((stretch, false)) };
        let subscription = Subscription::new(settings);
        for entry in entries.iter().filter(|entry| until.is_none_or(|until| entry.recorded.position <= until))
        {
            let recorded = &entry.recorded;
            if let (Some(event_type), Some(placement)) =
                (subscription.event_type(&recorded.event), entry.placement)
                && subscription.covers(placement)
            {
                if stretch.wanted.len() >= reader.room as usize {
                    break;
                }
                let (event, position, lane) = (recorded.id, recorded.position, placement.lane());
                let customer = placement.customer;
                stretch.wanted.push(Wanted { event, position, event_type, lane, customer });
            }
            concerns_itself |= recorded.stream == StreamId::Webhook(own);
            stretch.until = recorded.position;
        }
        Ok((stretch, concerns_itself))
    }

    fn nothing_of(&self, reader: &Reader, after: u64, until: u64) -> Stretch {
        let at = self.dispatcher.0.core.clock.now();
        let first = schedule::wait(&reader.plan, 0, None, 0.0).unwrap_or_default();
        Stretch { after, until, wanted: vec![], due_at: end_of(at, first), at }
    }

    async fn replay(&self, reader: &Reader, replay: Replay) -> Result<Done, Error> {
        if self.is_cancelled(replay).await? || replay.position >= replay.until {
            self.end_replay(replay).await?;
            return Ok(Done::Replayed(None));
        }
        // Dead letters are found where they are kept.
        let mut stretch = self.nothing_of(reader, replay.position, replay.until);
        if !replay.failed_only {
            (stretch, _) = self.stretch_after(reader, replay.position, Some(replay.until)).await?;
        }
        let store = &self.dispatcher.0.ports.store;
        Ok(Done::Replayed(store.enqueue_again(self.lease, replay, &stretch).await?))
    }

    async fn is_cancelled(&self, replay: Replay) -> Result<bool, Error> {
        let job = self.dispatcher.0.core.reads.job(self.lease.endpoint.workspace, replay.job).await?;
        Ok(job.is_none_or(|job| job.status == JobStatus::Cancelled || job.finished_at.is_some()))
    }

    async fn end_replay(&self, replay: Replay) -> Result<(), Error> {
        let context = self.dispatcher.internal(self.lease.endpoint.workspace);
        let accepted = u32::try_from(replay.queued).unwrap_or(u32::MAX);
        let fill = RecordJob { job: replay.job, command: JobCommand::FillJob { accepted, rejected: 0 } };
        match self.dispatcher.0.core.run(&context, &fill).await {
            // A job that was cancelled takes no note of how far it came.
            Ok(_) | Err(Error::Conflict(_) | Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(self.dispatcher.0.ports.store.end_replay(self.lease.endpoint, replay.job).await?)
    }
}
