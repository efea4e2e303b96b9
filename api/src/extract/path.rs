//! What a path names. What cannot name anything is answered like what names nothing: 404.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use interflow_application::{ChannelRef, Resource};
use interflow_domain::{ChatId, CustomerId, InstanceName, JobId, KeyId, MessageId, WebhookId};

use crate::error::ApiError;
use crate::state::App;

/// The one parameter of a path, percent-decoded.
pub struct InPath<T>(pub T);

/// What a path may name.
pub trait Resolves: FromStr + Send {
    /// What it is called when there is none.
    const RESOURCE: Resource;
}

impl Resolves for CustomerId {
    const RESOURCE: Resource = Resource::Customer;
}
impl Resolves for ChatId {
    const RESOURCE: Resource = Resource::Chat;
}
impl Resolves for MessageId {
    const RESOURCE: Resource = Resource::Message;
}
impl Resolves for JobId {
    const RESOURCE: Resource = Resource::Job;
}
impl Resolves for ChannelRef {
    const RESOURCE: Resource = Resource::Channel;
}
impl Resolves for WebhookId {
    const RESOURCE: Resource = Resource::Webhook;
}
impl Resolves for KeyId {
    const RESOURCE: Resource = Resource::Key;
}
impl Resolves for InstanceName {
    const RESOURCE: Resource = Resource::Channel;
}

impl<T: Resolves> FromRequestParts<App> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        let parsed = text.ok().and_then(|Path(text)| text.parse().ok());
        parsed.map(Self).ok_or_else(|| ApiError::no_such(T::RESOURCE))
    }
}
