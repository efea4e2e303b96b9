//! One writer a workspace: it takes what is waiting, and one transaction appends for all of them.
//!
//! There is no timer and no minimum: alone, a command is a group of one; while a group is being written the next
//! one gathers. A writer that has nothing to do ends, and the next append starts another. Two processes may each
//! have a writer for a workspace: the lock on its head puts their groups in order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::FutureExt;
use interflow_application::log::{AppendError, LogError};
use interflow_domain::WorkspaceId;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::failure::Failure;
use super::group::Answer;
use super::known::Known;
use super::prepared::Prepared;
use super::{Inner, Settings, bisect};

/// An append in a queue, and who waits for it.
pub(super) struct Waiting {
    prepared: Prepared,
    answer: oneshot::Sender<Answer>,
}

/// The writers that run.
pub(super) struct Writers {
    doors: Mutex<Doors>,
    /// Groups that may be under way: what is left of the pool's connections is for reading. Fair, so that
    /// workspaces take turns.
    permits: Semaphore,
    tasks: TaskTracker,
}

struct Doors {
    open: bool,
    queues: HashMap<WorkspaceId, mpsc::Sender<Waiting>>,
}

impl Writers {
    /// Writers for a pool of so many connections, a third of which they never use.
    pub(super) fn new(settings: &Settings, connections: u32) -> Self {
        let doors = Mutex::new(Doors { open: true, queues: HashMap::new() });
        let most = usize::try_from(connections - connections / 3).unwrap_or(usize::MAX);
        Self { doors, permits: Semaphore::new(settings.writers.min(most).max(1)), tasks: TaskTracker::new() }
    }

    fn doors(&self) -> MutexGuard<'_, Doors> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an append in the queue of its workspace and starts a writer where there is none.
    ///
    /// Queue and writer are only changed behind the doors, so an append is never put before a writer that ends.
    pub(super) fn enqueue(
        inner: &Arc<Inner>,
        prepared: Prepared,
    ) -> Result<oneshot::Receiver<Answer>, AppendError> {
        let workspace = prepared.append.context.workspace;
        let (answer, answered) = oneshot::channel();
        let mut doors = inner.writers.doors();
        if !doors.open {
            return Err(LogError::from(Failure::unavailable("the event log is shutting down")).into());
        }
        let queue = match doors.queues.entry(workspace) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let (sender, receiver) = mpsc::channel(inner.settings.queue.max(1));
                inner.writers.tasks.spawn(run(Arc::clone(inner), workspace, receiver));
                entry.insert(sender)
            }
        };
        queue.try_send(Waiting { prepared, answer }).map_err(|_| AppendError::Overloaded)?;
        Ok(answered)
    }

    /// Ends a writer that found nothing to do, unless something has come meanwhile.
    fn retire(&self, workspace: WorkspaceId, queue: &mpsc::Receiver<Waiting>) -> bool {
        let mut doors = self.doors();
        let idle = queue.is_empty();
        if idle {
            doors.queues.remove(&workspace);
        }
        idle
    }

    /// Takes no more appends, and returns when those that were waiting are answered.
    pub(super) async fn close(&self) {
        {
            let mut doors = self.doors();
            doors.open = false;
            doors.queues.clear();
        }
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn run(inner: Arc<Inner>, workspace: WorkspaceId, mut queue: mpsc::Receiver<Waiting>) {
    let (mut left, mut known, mut done) = (None, None, None::<Done>);
    loop {
        let first = match left.take().or_else(|| queue.try_recv().ok()) {
            Some(first) => first,
            None => {
                if let Some(done) = done.take() {
                    done.answer(&inner, workspace);
                }
                match tokio::time::timeout(inner.settings.idle, queue.recv()).await {
                    Ok(Some(first)) => first,
                    Ok(None) => return,
                    Err(_) if inner.writers.retire(workspace, &queue) => return,
                    Err(_) => continue,
                }
            }
        };
        let permit = match inner.writers.permits.try_acquire() {
            Ok(permit) => Ok(permit),
            Err(_) => {
                if let Some(done) = done.take() {
                    done.answer(&inner, workspace);
                }
                inner.writers.permits.acquire().await
            }
        };
        // Only gathered now: while a permit was waited for, the group has grown. It is never refused, because never
        // closed.
        let group = gather(first, &mut left, &mut queue, inner.settings.group);
        let (group, waiting): (Vec<_>, Vec<_>) =
            group.into_iter().map(|one| (one.prepared, one.answer)).unzip();
        let answers = {
            let mut appending = pin!(append(&inner, workspace, &group, &mut known));
            let begun = futures::poll!(&mut appending);
            // While the database is at it, those of the group before hear what became of theirs.
            if let Some(done) = done.take() {
                done.answer(&inner, workspace);
            }
            match begun {
                Poll::Ready(answers) => answers,
                Poll::Pending => appending.await,
            }
        };
        drop(permit);
        done = Some(Done { group, waiting, answers });
    }
}

/// Takes what is waiting, up to so many events. What would be too much is left for the next group.
fn gather(
    first: Waiting,
    left: &mut Option<Waiting>,
    queue: &mut mpsc::Receiver<Waiting>,
    most: usize,
) -> Vec<Waiting> {
    let mut weight = first.prepared.weight();
    let mut group = vec![first];
    while weight < most {
        let Ok(next) = queue.try_recv() else { break };
        weight += next.prepared.weight();
        if weight > most {
            *left = Some(next);
            break;
        }
        group.push(next);
    }
    group
}

/// Appends a group, whatever happens.
async fn append(
    inner: &Inner,
    workspace: WorkspaceId,
    group: &[Prepared],
    known: &mut Option<Known>,
) -> Vec<Answer> {
    let answers = AssertUnwindSafe(bisect::append(inner, workspace, group, known)).catch_unwind().await;
    answers.unwrap_or_else(|_| {
        tracing::error!(%workspace, appends = group.len(), "appending a group panicked");
        inner.cache.forget(workspace, group);
        let failed =
            || LogError::from(Failure::unavailable("appending panicked: whether it was done is not known"));
        group.iter().map(|_| Err(AppendError::Log(failed()))).collect()
    })
}

/// A group that is appended or was refused, and nobody knows yet.
struct Done {
    group: Vec<Prepared>,
    waiting: Vec<oneshot::Sender<Answer>>,
    answers: Vec<Answer>,
}

impl Done {
    /// Has the cache follow, wakes readers and answers everyone.
    fn answer(self, inner: &Inner, workspace: WorkspaceId) {
        let follow = || {
            inner.cache.follow(workspace, &self.group, &self.answers);
            inner.tell_readers(workspace, &self.group, &self.answers);
        };
        if catch_unwind(AssertUnwindSafe(follow)).is_err() {
            tracing::error!(%workspace, appends = self.group.len(), "following a group panicked");
            inner.cache.forget(workspace, &self.group);
        }
        for (waiting, answer) in self.waiting.into_iter().zip(self.answers) {
            // Who has gone away does not want it.
            drop(waiting.send(answer));
        }
    }
}
