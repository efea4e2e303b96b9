//! Who asks, in every resolver.

use std::sync::Arc;

use async_graphql::Context;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use interflow_application::read::Credential;
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::Scope;

use crate::auth::{Admitted, Caller, Place, allow};
use crate::error::ApiError;
use crate::layers::Client;
use crate::limits::Admission;
use crate::state::App;

/// Who asks.
#[derive(Clone)]
pub struct Asker {
    pub app: App,
    pub caller: Caller,
    pub known: Arc<Credential>,
    pub admission: Admission,
    pub client: Client,
}

impl Asker {
    /// Whoever was let in with a request, and its place among the calls of the key.
    pub fn admitted(app: &App, admitted: Admitted, client: Client) -> (Self, Place) {
        let Admitted { known, caller, admission, place } = admitted;
        (Self { app: app.clone(), caller, known: Arc::new(known), admission, client }, place)
    }

    /// Who asks in this context.
    pub fn of<'a>(context: &Context<'a>) -> Result<&'a Self, ApiError> {
        context.data_opt().ok_or_else(|| ApiError::internal("a GraphQL request without an asker"))
    }

    /// The workspace the key opens.
    pub const fn workspace(&self) -> WorkspaceId {
        self.caller.workspace
    }

    /// Whether the key may do what needs this scope.
    pub fn may(&self, scope: Scope) -> Result<(), ApiError> {
        allow(&self.known, Some(scope))
    }

    /// Notes that this is shown, under the names that REST's routes have: what was asked for by its id, or entries of a
    /// list.
    pub fn saw(&self, resource: &str, id: Option<String>, items: usize) {
        self.app.saw(self.caller, self.client, resource.to_owned(), id, items);
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().copied();
        let known = parts.extensions.get::<Arc<Credential>>().cloned();
        let admission = parts.extensions.get::<Admission>().copied();
        match (caller, known, admission) {
            (Some(caller), Some(known), Some(admission)) => {
                let client = parts.extensions.get::<Client>().copied().unwrap_or(Client(None));
                Ok(Self { app: app.clone(), caller, known, admission, client })
            }
            _ => Err(ApiError::internal("a route asks for no key")),
        }
    }
}
