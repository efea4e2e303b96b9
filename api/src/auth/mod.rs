//! Who calls, and what the key may do. Either header works on either face: `Authorization: Bearer <key>`, or
//! `apikey: <key>`.

mod crowd;
mod key;
mod scope;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use interflow_application::authenticate;
use interflow_domain::workspace::Scope;
use interflow_domain::{KeyId, WorkspaceId};

pub use crowd::{Crowd, Place};
pub use key::{generate_key, is_weak};
pub use scope::{scope_from, scope_name};

use crate::error::{ApiError, Code};
use crate::state::App;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// By which key.
    pub key: KeyId,
    /// For which workspace.
    pub workspace: WorkspaceId,
}

/// Lets a request through when its key works and has the scope; the handler finds the [`Caller`] in the extensions.
pub async fn require(State((app, scope)): State<(App, Scope)>, mut request: Request, next: Next) -> Response {
    let admitted = match enter(&app, request.headers()) {
        Ok((secret, place)) => admit(&app, scope, secret).await.map(|caller| (caller, place)),
        Err(error) => Err(error),
    };
    match admitted {
        Ok((caller, _place)) => {
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(caller);
            response
        }
        Err(error) => error.into_response(),
    }
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

async fn admit(app: &App, scope: Scope, secret: &str) -> Result<Caller, ApiError> {
    let key = authenticate(&app.core, secret)
        .await?
        .ok_or_else(|| unauthorized("The API key is unknown, revoked or expired"))?;
    if !key.scopes.contains(&Scope::All) && !key.scopes.contains(&scope) {
        return Err(ApiError::new(
            Code::Forbidden,
            format!("The API key lacks the scope '{}'", scope_name(scope)),
        ));
    }
    Ok(Caller { key: key.id, workspace: key.workspace })
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
