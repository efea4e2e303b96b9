//! Dying at a step of an append, as the tests of faults want it: `INTERFLOW_LAB_KILL_AT=BeforeCommit:8` is `kill -9`
//! when the eighth group comes to that step. No other program has this.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::event_log::{Seam, Step};

use crate::person::Failure;

/// What is to be done, if the environment says so.
pub fn from_environment() -> Result<Option<Arc<dyn Seam>>, Failure> {
    let Ok(text) = std::env::var("INTERFLOW_LAB_KILL_AT") else { return Ok(None) };
    let (step, nth) = text.split_once(':').ok_or("INTERFLOW_LAB_KILL_AT is STEP:NUMBER")?;
    let step = Step::ALL.into_iter().find(|known| format!("{known:?}") == step);
    let step = step.ok_or("INTERFLOW_LAB_KILL_AT names no step")?;
    Ok(Some(Arc::new(Doom { step, left: AtomicU32::new(nth.parse()?) })))
}

#[derive(Debug)]
struct Doom {
    step: Step,
    left: AtomicU32,
}

#[async_trait]
impl Seam for Doom {
    async fn reached(&self, step: Step, _: WorkspaceId) {
        if step == self.step && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let own = std::process::id().to_string();
            if Command::new("kill").args(["-9", &own]).status().is_ok() {
                // Whatever is left of this process must not go past the step.
                std::future::pending::<()>().await;
            }
        }
    }
}
