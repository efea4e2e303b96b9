use std::sync::Arc;

use interflow_domain::webhook::Webhook;
use interflow_domain::{WebhookId, WorkspaceId};

use crate::log::{EventLog, LogError, StreamId, Streamed as _};

/// A webhook as it is at this version or later. What a cache has may be older: another process may have changed it.
pub async fn current(
    log: &dyn EventLog,
    workspace: WorkspaceId,
    id: WebhookId,
    version: u64,
) -> Result<Arc<Webhook>, LogError> {
    let stream = StreamId::Webhook(id);
    let mut loaded = log.load(workspace, stream).await?;
    if loaded.version < version {
        // Whoever is found to be old leaves the cache.
        log.are_current(workspace, &[(stream, loaded.version)]).await?;
        loaded = log.load(workspace, stream).await?;
    }
    let webhook = Webhook::of(&loaded.state).cloned();
    webhook.ok_or_else(|| LogError::Corrupt("the log gave a state of another kind for a webhook".to_owned()))
}
