//! One attempt: the body is made, signed and posted.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use interflow_domain::DeliveryId;
use interflow_domain::webhook::{Origin, Webhook};

use super::Dispatcher;
use crate::log::LogError;
use crate::webhook::ports::{Head, Post};
use crate::webhook::{Attempt, Numbering, Rendered, render, signing};

const USER_AGENT: &str = concat!("Interflow/", env!("CARGO_PKG_VERSION"));

/// What became of an attempt.
#[derive(Debug)]
pub(super) enum Tried {
    /// It was made.
    Made(Head, Attempt),
    /// There is nothing that could be sent.
    Unspeakable(Head),
    /// What it is made of could not be read.
    Unread(LogError),
}

/// Makes an attempt at the head of a lane. `known` is a position that the log has reached.
pub(super) async fn attempt(dispatcher: Dispatcher, webhook: Arc<Webhook>, head: Head, known: u64) -> Tried {
    let delivery = &head.delivery;
    let rendered = match dispatcher
        .rendered(&webhook, delivery.workspace, delivery.position, delivery.numbering, known)
        .await
    {
        Ok(Some(rendered)) => rendered,
        Ok(None) => return Tried::Unspeakable(head),
        Err(error) => return Tried::Unread(error),
    };
    let _one_of_many = dispatcher.room(delivery.workspace).await;
    let at = dispatcher.0.core.clock.now();
    let post = post(&webhook, delivery.id, at, rendered);
    let outcome = dispatcher.0.ports.transport.post(post).await;
    let number = delivery.attempts + 1;
    Tried::Made(head, Attempt { number, at, by_hand: false, outcome })
}

impl Dispatcher {
    /// What an endpoint is told of the event at a position; nothing when there is nothing to tell.
    pub(super) async fn rendered(
        &self,
        webhook: &Webhook,
        workspace: interflow_domain::WorkspaceId,
        position: u64,
        numbering: Numbering,
        known: u64,
    ) -> Result<Option<Rendered>, LogError> {
        let Some(settings) = webhook.settings() else { return Ok(None) };
        let materials = self.0.library.materials(workspace, position, known).await?;
        let server_url = &self.0.settings.server_url;
        Ok(materials.and_then(|materials| render(settings, &materials, numbering, server_url)))
    }
}

/// The POST of an attempt that begins now.
pub(super) fn post(webhook: &Webhook, id: DeliveryId, at: DateTime<Utc>, rendered: Rendered) -> Post {
    let Rendered { url, body, headers } = rendered;
    let own = webhook.settings().and_then(|settings| settings.headers.as_ref()?.get());
    let own = own.into_iter().flatten().map(|(name, value)| (name.to_string(), value.expose().to_owned()));
    let signatures = signing::headers(&webhook.secrets(at), id, at, body.as_bytes());
    let ours = headers.into_iter().chain(signatures).chain([("user-agent", USER_AGENT.to_owned())]);
    let headers = own.chain(ours.map(|(name, value)| (name.to_owned(), value))).collect();
    let exempt = webhook.origin() == Some(Origin::Environment);
    Post { url, headers, body: body.into_bytes(), exempt }
}
