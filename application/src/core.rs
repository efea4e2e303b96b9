//! Running a use case: load, decide, append; decide again when another command was there first.

use std::sync::Arc;

use async_trait::async_trait;
use interflow_domain::WorkspaceId;

use crate::decision::FromCache;
use crate::log::{AppendError, EventLog, RecordedEvent};
use crate::read::Reads;
use crate::{Clock, Context, Decision, Error, Ids};

/// How often a command that lost a race is decided again before the caller is told.
const ATTEMPTS: u32 = 10;

/// The ports every use case runs on.
#[derive(Clone)]
pub struct Core {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The read models.
    pub reads: Arc<dyn Reads>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where new ids come from.
    pub ids: Arc<dyn Ids>,
}

/// Something that may be asked of Interflow and changes it.
#[async_trait]
pub trait UseCase: Sync {
    /// What the caller gets.
    type Output: Send;

    /// Decides. Called again, on fresh states, when another command was there first: it must not act outside of
    /// the decision.
    async fn decide(&self, decision: &mut Decision<'_>) -> Result<Self::Output, Error>;
}

/// What a use case came to.
#[derive(Debug)]
pub struct Done<T> {
    /// What the caller gets.
    pub output: T,
    /// What was recorded; empty when nothing had to change.
    pub events: Vec<RecordedEvent>,
}

impl Core {
    /// Runs a use case.
    ///
    /// A refusal, or a decision that nothing has to change, may rest on a state from the cache: it is answered only
    /// after the versions it was read at, and the holders of claims it found, are confirmed in the log.
    pub async fn run<U: UseCase>(&self, context: &Context, use_case: &U) -> Result<Done<U::Output>, Error> {
        for attempt in 0..ATTEMPTS {
            let mut decision = Decision::new(self, context, attempt);
            let decided = use_case.decide(&mut decision).await;
            if matches!(decided, Err(Error::Unavailable(_) | Error::Internal(_))) {
                return decided.map(|output| Done { output, events: vec![] });
            }
            let (append, from_cache) = decision.finish();
            match (decided, append) {
                (Ok(output), Some(append)) => match self.log.append(append).await {
                    Ok(events) => return Ok(Done { output, events }),
                    Err(AppendError::Conflict) => {}
                    Err(AppendError::Repeated(recorded)) => return Err(Error::Repeated(recorded)),
                    Err(AppendError::Fenced) => return Err(Error::Fenced),
                    Err(AppendError::Overloaded) => {
                        return Err(Error::Unavailable(
                            "too many commands of this workspace are waiting".to_owned(),
                        ));
                    }
                    Err(AppendError::Log(error)) => return Err(error.into()),
                },
                (decided, _) => {
                    if self.confirmed(context.workspace, &from_cache).await? {
                        return decided.map(|output| Done { output, events: vec![] });
                    }
                }
            }
        }
        Err(Error::Conflict("the resource is being changed by others at the same time: try again".to_owned()))
    }

    async fn confirmed(&self, workspace: WorkspaceId, from_cache: &FromCache) -> Result<bool, Error> {
        for (claim, owner) in &from_cache.holders {
            if self.log.holder(workspace, claim).await? != Some(*owner) {
                return Ok(false);
            }
        }
        let versions = &from_cache.versions;
        Ok(versions.is_empty() || self.log.are_current(workspace, versions).await?)
    }
}
