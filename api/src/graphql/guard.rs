//! Keeps fields from those whose key lacks the scope, by the rule that REST's routes go by; and makes a field that fails
//! null by itself. (A guard of async-graphql, or a resolver that fails, takes what holds the field with it.)

use async_graphql::Context;
use interflow_domain::workspace::Scope;

use super::asker::Asker;
use crate::error::ApiError;

/// What a field gives: null where there is no such thing, and, with an error, where it fails.
pub type Told<T> = Option<Result<T, ApiError>>;

/// What a field gives to those whose key has the scope.
pub async fn needs<T>(
    context: &Context<'_>,
    scope: Scope,
    work: impl Future<Output = Result<Option<T>, ApiError>>,
) -> Told<T> {
    told(async {
        Asker::of(context)?.may(scope)?;
        work.await
    })
    .await
}

/// What a field gives that asks for no scope, or asks for one by itself.
pub async fn told<T>(work: impl Future<Output = Result<Option<T>, ApiError>>) -> Told<T> {
    work.await.transpose()
}
