//! The runtime the engine spawns on: the process's own, but every task of a client can be ended and awaited.
//!
//! The engine detaches most of its tasks, and some hold the client for minutes (the rotation of QRs). A session that
//! was stopped must leave nothing behind that could still write keys, so they all run under one token.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wacore::runtime::{AbortHandle, Runtime};

type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// The tasks of one client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    ended: CancellationToken,
}

impl Tasks {
    /// Runs a task until it is done or all are ended.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        let ended = self.ended.clone();
        self.tracker.spawn(async move {
            ended.run_until_cancelled(task).await;
        })
    }

    /// Ends all tasks and returns when they are gone.
    pub(crate) async fn end(&self) {
        self.ended.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Runtime for Tasks {
    fn spawn(&self, future: Task) -> AbortHandle {
        let handle = self.run(future);
        AbortHandle::new(move || handle.abort())
    }

    fn spawn_detached(&self, future: Task) {
        self.run(future);
    }

    fn sleep(&self, duration: Duration) -> Task {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(&self, work: Box<dyn FnOnce() + Send + 'static>) -> Task {
        let handle = self.tracker.spawn_blocking(work);
        Box::pin(async move {
            // It fails only when the work panicked, which the engine notices by what is missing then.
            let _ = handle.await;
        })
    }

    fn yield_now(&self) -> Option<Task> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ending_waits_until_every_task_is_gone() {
        let tasks = Tasks::default();
        let held = std::sync::Arc::new(());
        let inside = std::sync::Arc::clone(&held);
        tasks.spawn_detached(Box::pin(async move {
            let _held = inside;
            std::future::pending::<()>().await;
        }));
        tokio::task::yield_now().await;
        tasks.end().await;
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
    }
}
