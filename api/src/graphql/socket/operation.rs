//! What is asked over a socket: let in, bounded, charged for and answered as a request of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use super::greeting::Visitor;
use super::refusal;
use crate::auth::{Pass, admit};
use crate::error::{ApiError, Code};
use crate::graphql::asker::Asker;
use crate::graphql::cost::Bill;
use crate::graphql::errors::server_error;
use crate::graphql::loaders::loaders;
use crate::graphql::request::ready;
use crate::state::App;
use crate::streams::End;

/// How far a subscription is, for those who carry it.
#[derive(Debug, Default)]
pub struct Progress {
    position: AtomicU64,
    end: OnceLock<End>,
}

impl Progress {
    /// Everything that was asked for up to here has left the stream.
    pub fn told_up_to(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    /// Up to where everything was told; nothing of what is no subscription, or has not begun.
    pub fn position(&self) -> Option<u64> {
        Some(self.position.load(Ordering::Relaxed)).filter(|position| *position > 0)
    }

    /// Nothing follows, nor of what else the client asked for.
    pub fn end(&self, end: End) {
        // The first reason is the reason.
        drop(self.end.set(end));
    }

    /// Why nothing follows.
    pub fn ended(&self) -> Option<&End> {
        self.end.get()
    }
}

/// The answers to a request.
pub fn answers(
    app: App,
    visitor: Visitor,
    request: Request,
    progress: Arc<Progress>,
) -> BoxStream<'static, Response> {
    let begun = async move {
        match begin(&app, &visitor, request, &progress).await {
            Ok(answers) => answers,
            Err(error) => {
                // Who is not let in with one request is not with the others.
                if matches!(error.code(), Code::Unauthorized | Code::WorkspaceSuspended) {
                    progress.end(End::refused(&error, progress.position().unwrap_or_default()));
                }
                let refused = Response::from_errors(vec![server_error(error)]);
                stream::once(async { refused }).boxed()
            }
        }
    };
    begun.flatten_stream().boxed()
}

async fn begin(
    app: &App,
    visitor: &Visitor,
    mut request: Request,
    progress: &Arc<Progress>,
) -> Result<BoxStream<'static, Response>, ApiError> {
    let admitted = admit(app, &visitor.shown).await.map_err(refusal)?;
    let circumstances = visitor.circumstances(app, admitted.caller);
    let (asker, place) = Asker::admitted(app, admitted, circumstances);
    let kind = match ready(app, asker.workspace(), &mut request) {
        Ok(kind) => kind,
        Err(refused) => return Ok(stream::once(async { Response::from_errors(refused) }).boxed()),
    };
    let bill = Bill::default();
    let loaders = loaders(app.clone(), asker.workspace());
    let pass = Pass::of(asker.caller, &visitor.shown)?;
    let request = request.data(asker).data(loaders).data(bill.clone()).data(pass).data(Arc::clone(progress));
    let mut answers = app.graphql.execute_stream(request);
    if kind == OperationType::Subscription {
        // It may go on for days: it is counted among the streams, and no longer among the calls.
        drop(place);
        return Ok(answers.map(move |answer| billed(answer, &bill)).boxed());
    }
    let limit = app.settings.request_timeout;
    Ok(stream::once(async move {
        let answer = timeout(limit, answers.next()).await;
        drop(place);
        match answer {
            Ok(Some(answer)) => billed(answer, &bill),
            Ok(None) => Response::from_errors(vec![server_error(ApiError::internal(
                "an operation without an answer",
            ))]),
            Err(_) => Response::from_errors(vec![server_error(ApiError::late(limit))]),
        }
    })
    .boxed())
}

/// The answer, unless it was not paid for.
fn billed(answer: Response, bill: &Bill) -> Response {
    match bill.settle() {
        Some(Err(refused)) => Response::from_errors(vec![server_error(refusal(refused))]),
        Some(Ok(_)) | None => answer,
    }
}
