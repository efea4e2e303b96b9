use interflow_domain::WebhookId;
use interflow_domain::webhook::{Webhook, WebhookCommand};

use crate::log::StreamId;
use crate::{Decision, Error, ResourceRef};

/// Lets a webhook that the caller saw at this version decide on a command. Says whether anything changes.
pub(super) async fn execute(
    decision: &mut Decision<'_>,
    id: WebhookId,
    expected: Option<u64>,
    command: WebhookCommand,
) -> Result<bool, Error> {
    let stream = StreamId::Webhook(id);
    if decision.load::<Webhook>(stream).await?.exists() {
        decision.expect_version(stream, expected).await?;
    }
    decision.answers_with(ResourceRef::Webhook(id));
    decision.execute::<Webhook>(stream, command).await
}
