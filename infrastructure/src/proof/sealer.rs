//! What seals the logs, for as long as a server runs.

use std::collections::HashMap;
use std::time::Duration;

use interflow_application::Core;
use interflow_application::wakeups::{Wakeup, Wakeups as _};
use interflow_domain::WorkspaceId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::PgProofs;
use super::anchoring::{Anchoring, Anchors};
use super::anchors::AnchorFileError;
use super::seal::Step;
use crate::event_log::Failure;
use crate::wakeups::Bell;

/// How long events gather before they are sealed: a checkpoint is for all of them.
const PACE: Duration = Duration::from_millis(250);
/// How often it is looked whether there is something to seal, though nobody said so.
const POLL: Duration = Duration::from_secs(5);
/// How long a log is left alone that is damaged, and one that the database was away for.
const REST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);

/// Seals the logs of a database, together with those of other servers.
#[derive(Debug)]
pub struct Sealer {
    task: JoinHandle<()>,
    stopping: CancellationToken,
}

impl Sealer {
    /// Begins.
    pub fn start(
        proofs: PgProofs,
        core: Core,
        bell: &Bell,
        anchoring: &Anchoring,
    ) -> Result<Self, AnchorFileError> {
        let stopping = CancellationToken::new();
        let work = Work { proofs, resting: HashMap::new(), anchors: Anchors::open(core, anchoring)? };
        let task = tokio::spawn(work.run(bell.subscribe(), stopping.clone()));
        Ok(Self { task, stopping })
    }

    /// Seals what there is, and ends.
    pub async fn stop(self) {
        self.stopping.cancel();
        // A panic was logged where it happened.
        drop(self.task.await);
    }
}

struct Work {
    proofs: PgProofs,
    /// What could not be sealed, and until when it is left alone.
    resting: HashMap<WorkspaceId, Instant>,
    anchors: Anchors,
}

impl Work {
    async fn run(mut self, mut news: Receiver<Wakeup>, stopping: CancellationToken) {
        loop {
            // Asked before: what is appended while it seals is sealed in a last turn of its own.
            let last = stopping.is_cancelled();
            self.seal_all().await;
            if last {
                return;
            }
            // Nothing is told any more that would stay unsealed.
            if !stopping.is_cancelled() {
                self.anchors.anchor(&self.proofs).await;
            }
            tokio::select! {
                () = stopping.cancelled() => {}
                () = async { wait(&mut news, self.anchors.next()).await; sleep(PACE).await } => {}
            }
        }
    }

    /// Seals until nothing is left that can be. A long log takes turns with the others.
    async fn seal_all(&mut self) {
        loop {
            let behind = match self.proofs.behind().await {
                Ok(behind) => behind,
                Err(failure) => return complain(None, &failure),
            };
            let now = Instant::now();
            self.resting.retain(|_, until| *until > now);
            let mut more = false;
            for workspace in behind {
                if self.resting.contains_key(&workspace) {
                    continue;
                }
                match self.proofs.seal(workspace).await {
                    Ok(step) => more |= step == Step::More,
                    Err(failure) => {
                        complain(Some(workspace), &failure);
                        let rest = if let Failure::Refused(_) = failure { REST } else { PAUSE };
                        self.resting.insert(workspace, Instant::now() + rest);
                    }
                }
            }
            if !more {
                return;
            }
        }
    }
}

async fn wait(news: &mut Receiver<Wakeup>, at_the_latest: Instant) {
    let heard = async {
        loop {
            match news.recv().await {
                Ok(Wakeup::Appended { .. } | Wakeup::Lost) | Err(RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    };
    // An error says that nothing was heard for so long.
    drop(timeout_at(at_the_latest.min(Instant::now() + POLL), heard).await);
}

fn complain(workspace: Option<WorkspaceId>, failure: &Failure) {
    let workspace = workspace.map(|workspace| workspace.to_string());
    match failure {
        Failure::Unavailable(error) => tracing::warn!(workspace, %error, "the log could not be sealed"),
        Failure::Refused(why) => tracing::error!(
            workspace,
            why,
            "the log cannot be sealed: it is not what it was when it was sealed before; run `interflow audit verify`"
        ),
    }
}
