//! What is done beside the requests, for as long as the server runs.

use std::sync::Arc;
use std::time::Duration;

use interflow_application::AnswerStore;
use interflow_application::audit::ReadAudit;
use tokio::time::MissedTickBehavior;

use crate::auth::{KEY_USES_INTERVAL, KeyUses};

/// How often what is old is forgotten.
pub const PRUNING: Duration = Duration::from_secs(600);

/// Forgets old answers.
pub async fn prune(answers: Arc<dyn AnswerStore>) {
    loop {
        tokio::time::sleep(PRUNING).await;
        match answers.prune().await {
            Ok(pruned) => tracing::debug!(pruned, "old answers were forgotten"),
            Err(error) => tracing::warn!(%error, "old answers could not be forgotten"),
        }
    }
}

/// Notes when keys were last shown.
pub async fn note_key_uses(uses: KeyUses) {
    loop {
        tokio::time::sleep(KEY_USES_INTERVAL).await;
        if let Err(error) = uses.flush().await {
            tracing::warn!(%error, "when keys were last used could not be noted");
        }
    }
}

/// Notes who has seen what.
pub async fn note_reads(reads: ReadAudit) {
    let mut ticks = tokio::time::interval(ReadAudit::INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = reads.flush().await {
            tracing::warn!(%error, "who has seen what could not be noted yet");
        }
    }
}
