//! Who calls, and what the key may do. Either header works on either face: `Authorization: Bearer <key>`, or
//! `apikey: <key>`.

mod crowd;
mod key;
mod pass;
mod scope;
mod secrets;
mod seen;
mod uses;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use interflow_application::read::Credential;
use interflow_application::{authenticate, home_workspace};
use interflow_domain::workspace::{Plan, Scope};
use interflow_domain::{KeyId, WorkspaceId};

pub use crowd::{Crowd, Fingerprint, Place};
pub use key::{generate_key, is_weak};
pub use pass::Pass;
pub use scope::{scope_from, scope_name, scope_names};
pub use secrets::{KeyedHash, Secrets};
use seen::Reading;
pub use seen::{Shown, called};
pub use uses::{INTERVAL as KEY_USES_INTERVAL, KeyUses};

use crate::error::{ApiError, Code};
use crate::limits::Admission;
use crate::state::App;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// By which key.
    pub key: KeyId,
    /// For which workspace.
    pub workspace: WorkspaceId,
    /// How much that may do.
    pub plan: Plan,
}

/// Lets a request through when its key works, its workspace's plan allows one more, and the key has the scope, if the
/// route asks for one; the handler finds the [`Caller`] and what is [known](Credential) of the key in the extensions.
pub async fn require(
    State((app, scope)): State<(App, Option<Scope>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Admitted { known, caller, admission, place: _place } = match admit(&app, request.headers()).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let mut response = match allow(&known, scope) {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(admission);
            request.extensions_mut().insert(Arc::new(known));
            let (mut parts, body) = request.into_parts();
            let reading = Reading::of(&mut parts).await;
            let response = next.run(Request::from_parts(parts, body)).await;
            if let Some(reading) = reading {
                reading.note(&app, caller, &response);
            }
            response
        }
        Err(error) => error.into_response(),
    };
    admission.tell(&mut response);
    response.extensions_mut().insert(caller);
    response
}

/// A request with a key that works, within its workspace's plan.
pub struct Admitted {
    /// What is known of the key.
    pub known: Credential,
    /// Who calls.
    pub caller: Caller,
    /// What is left of the plan.
    pub admission: Admission,
    /// Its place among the calls of the key.
    pub place: Place,
}

/// Lets in who shows a key that works, within its workspace's plan; or the answer that refuses.
pub async fn admit(app: &App, headers: &HeaderMap) -> Result<Admitted, Response> {
    let (secret, place) = enter(app, headers).map_err(IntoResponse::into_response)?;
    if let Some(refused) = app.limits.recall(place.fingerprint()) {
        return Err(refused);
    }
    let known = identify(app, secret).await.map_err(IntoResponse::into_response)?;
    let caller = Caller { key: known.key, workspace: known.workspace, plan: known.plan };
    let admission = app.limits.admit(caller, place.fingerprint()).await?;
    Ok(Admitted { known, caller, admission, place })
}

/// The key a request shows, and its place among the calls that show the same.
fn enter<'a>(app: &App, headers: &'a HeaderMap) -> Result<(&'a str, Place), ApiError> {
    let secret = secret(headers).ok_or_else(|| {
        unauthorized("An API key is required, in the header 'Authorization: Bearer <key>' or 'apikey: <key>'")
    })?;
    let place = app.crowd.enter(secret).ok_or_else(|| {
        ApiError::new(Code::Unavailable, "Too many calls with this API key are being served: try again")
    })?;
    Ok((secret, place))
}

async fn identify(app: &App, secret: &str) -> Result<Credential, ApiError> {
    let known = authenticate(&app.core, secret)
        .await?
        .ok_or_else(|| unauthorized("The API key is unknown, revoked or expired"))?;
    app.tenants.key_uses.seen(known.workspace, known.key, app.core.clock.now());
    Ok(known)
}

/// Whether a key may do what needs this scope. A route without a scope is for every key. One that governs workspaces is
/// for keys of the first workspace alone, also where a key may do everything in its own.
pub fn allow(known: &Credential, scope: Option<Scope>) -> Result<(), ApiError> {
    if known.suspended {
        return Err(ApiError::new(
            Code::WorkspaceSuspended,
            "The workspace of this API key is suspended: ask those who run the server",
        ));
    }
    let Some(scope) = scope else { return Ok(()) };
    if scope.governs() && known.workspace != home_workspace() {
        return Err(ApiError::new(
            Code::Forbidden,
            "Only API keys of the server's first workspace may govern workspaces",
        ));
    }
    if !scope.is_within(known.scopes.iter()) {
        return Err(ApiError::new(
            Code::Forbidden,
            format!("The API key lacks the scope '{}'", scope_name(scope)),
        ));
    }
    Ok(())
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::new(Code::Unauthorized, message)
}

/// The key a request shows. A bearer token goes first; another scheme of `Authorization` is left to whom it is for.
fn secret(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(text).and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let apikey = || headers.get("apikey").and_then(text).map(str::trim);
    bearer.or_else(apikey).filter(|secret| !secret.is_empty())
}

/// An operator may have chosen a key that is not ASCII.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_key_is_found_in_either_header() {
        assert_eq!(secret(&headers(&[("authorization", "Bearer abc")])), Some("abc"));
        assert_eq!(secret(&headers(&[("authorization", "bearer  abc ")])), Some("abc"));
        assert_eq!(secret(&headers(&[("apikey", "abc")])), Some("abc"));
        assert_eq!(secret(&headers(&[("authorization", "Basic eA=="), ("apikey", "abc")])), Some("abc"));
        assert_eq!(secret(&headers(&[("authorization", "Bearer one"), ("apikey", "two")])), Some("one"));
    }

    #[test]
    fn no_key_is_no_key() {
        for pairs in
            [&[][..], &[("authorization", "Bearer")], &[("authorization", "Bearer ")], &[("apikey", " ")]]
        {
            assert_eq!(secret(&headers(pairs)), None, "{pairs:?}");
        }
    }
}
