//! A key that is looked at again: what is opened with it stays open for longer than a call.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use interflow_application::authenticate;
use interflow_application::read::Credential;
use interflow_domain::workspace::Scope;

use super::{Caller, allow, secret, unauthorized};
use crate::error::ApiError;
use crate::state::App;

/// The key that a call showed.
#[derive(Clone)]
pub struct Pass {
    /// Who calls.
    pub caller: Caller,
    secret: String,
}

impl Pass {
    /// The pass of this key.
    #[must_use]
    pub const fn new(caller: Caller, secret: String) -> Self {
        Self { caller, secret }
    }

    /// The pass of a caller who showed a key in these headers.
    pub fn of(caller: Caller, headers: &HeaderMap) -> Result<Self, ApiError> {
        let secret = secret(headers).ok_or_else(|| ApiError::internal("a caller without a key"))?;
        Ok(Self::new(caller, secret.to_owned()))
    }

    /// What the key may do now, if it still works and may do what needs this scope.
    pub async fn check(&self, app: &App, scope: Option<Scope>) -> Result<Credential, ApiError> {
        let known = authenticate(&app.core, &self.secret).await?;
        let known = known.filter(|known| known.key == self.caller.key);
        let known = known.ok_or_else(|| unauthorized("The API key is unknown, revoked or expired"))?;
        allow(&known, scope)?;
        Ok(known)
    }
}

impl FromRequestParts<App> for Pass {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().copied();
        match (caller, secret(&parts.headers)) {
            (Some(caller), Some(secret)) => Ok(Self::new(caller, secret.to_owned())),
            _ => Err(ApiError::internal("a route asks for no key")),
        }
    }
}
