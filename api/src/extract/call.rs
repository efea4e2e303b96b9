//! One call: who makes it, under which request id, and what came of it when it was made before.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use futures::future::BoxFuture;
use interflow_application::{
    Actor, Command, Context, Error, NoteCommand, RecordedCommand, ResourceRef, Trace, UseCase,
};
use interflow_domain::WorkspaceId;

use crate::auth::Caller;
use crate::error::{ApiError, Code};
use crate::idempotency::Earlier;
use crate::layers::{Client, RequestId};
use crate::state::App;

/// One call of a handler.
pub struct Call {
    /// Its circumstances, for use cases.
    pub context: Context,
    earlier: Option<ResourceRef>,
    app: App,
}

impl FromRequestParts<App> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let extensions = &parts.extensions;
        let caller =
            extensions.get::<Caller>().ok_or_else(|| ApiError::internal("a route asks for no key"))?;
        let request_id = extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let context = Context {
            workspace: caller.workspace,
            actor: Actor::Key(caller.key),
            causation: None,
            trace: extensions.get::<Trace>().copied().unwrap_or_else(|| Trace::named(&request_id)),
            client: extensions.get::<Client>().and_then(|client| client.0),
            request_id,
            command: extensions.get::<Command>().cloned(),
        };
        let earlier = extensions.get::<Earlier>().map(|earlier| earlier.0);
        Ok(Self { context, earlier, app: app.clone() })
    }
}

impl Call {
    /// A call in these circumstances, with what the same command made before.
    #[must_use]
    pub fn new(app: &App, context: Context, earlier: Option<ResourceRef>) -> Self {
        Self { context, earlier, app: app.clone() }
    }

    /// The workspace the key opens.
    #[must_use]
    pub const fn workspace(&self) -> WorkspaceId {
        self.context.workspace
    }

    /// The same call in another workspace, for those who govern it: with what it made there before, if it did.
    pub async fn within(&self, workspace: WorkspaceId) -> Result<Self, ApiError> {
        let mut earlier = self.earlier;
        if let (None, Some(command)) = (earlier, &self.context.command)
            && let Some(recorded) = self.app.answers.find(workspace, &command.id).await?
        {
            if recorded.request_hash != command.request_hash {
                return Err(reused());
            }
            earlier = Some(recorded.resource);
        }
        let context = Context { workspace, ..self.context.clone() };
        Ok(Self { context, earlier, app: self.app.clone() })
    }

    /// Notes in the caller's own workspace what this call made in another, so that its answer is kept.
    pub async fn note(&self, resource: ResourceRef) -> Result<(), ApiError> {
        self.run(&NoteCommand { resource }, |_| Some(())).await
    }

    /// Runs a use case, or finds what it made when the same command was carried out before.
    pub async fn run<U: UseCase>(
        &self,
        use_case: &U,
        made: impl Fn(ResourceRef) -> Option<U::Output>,
    ) -> Result<U::Output, ApiError> {
        let run = async { self.app.core.run(&self.context, use_case).await.map(|done| done.output) };
        self.once(made, run).await
    }

    /// Does some work, or finds what it made when the same command was carried out before.
    pub async fn once<T>(
        &self,
        made: impl Fn(ResourceRef) -> Option<T>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ApiError> {
        if let Some(resource) = self.earlier {
            return made(resource).ok_or_else(of_another_kind);
        }
        match work.await {
            Ok(output) => Ok(output),
            Err(error) => made(self.recorded(error).await?.resource).ok_or_else(of_another_kind),
        }
    }

    /// Does some work that comes to the same when it is done twice. When the same command was carried out before, it
    /// is done again, but not as a command.
    pub async fn again<T>(
        &self,
        work: impl Fn(Context) -> BoxFuture<'static, Result<T, Error>>,
    ) -> Result<T, ApiError> {
        let repeatable = Context { command: None, ..self.context.clone() };
        if self.earlier.is_some() {
            return Ok(work(repeatable).await?);
        }
        match work(self.context.clone()).await {
            Err(error @ Error::Repeated(_)) => {
                self.recorded(error).await?;
                Ok(work(repeatable).await?)
            }
            done => Ok(done?),
        }
    }

    /// What is recorded of this very command when it failed. A conflict may come from its twin, on another server or
    /// given up by its caller, that was carried out meanwhile.
    async fn recorded(&self, error: Error) -> Result<RecordedCommand, ApiError> {
        let Some(command) = &self.context.command else { return Err(error.into()) };
        let recorded = match error {
            Error::Repeated(recorded) => *recorded,
            Error::Conflict(_) => match self.app.answers.find(self.context.workspace, &command.id).await? {
                Some(recorded) => recorded,
                None => return Err(error.into()),
            },
            error => return Err(error.into()),
        };
        if recorded.request_hash == command.request_hash { Ok(recorded) } else { Err(reused()) }
    }
}

fn of_another_kind() -> ApiError {
    ApiError::internal("a repeated command made a resource of another kind")
}

/// The idempotency key came with another body before.
#[must_use]
pub fn reused() -> ApiError {
    ApiError::new(
        Code::IdempotencyKeyReused,
        "This Idempotency-Key came with another body before: use a new one",
    )
}
