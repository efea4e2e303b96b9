//! Errors nobody foresaw: a group that the database refuses is halved until the one that it refuses stands alone.
//!
//! What happens every day (a version that moved, a claim that is held, a repeated command) never comes here: it is
//! judged before anything is written.

use futures::future::BoxFuture;
use interflow_application::log::{AppendError, LogError};
use interflow_domain::WorkspaceId;

use super::Inner;
use super::failure::Failure;
use super::group::{self, Answer};
use super::known::Known;
use super::prepared::Prepared;

/// Appends a group, in as few transactions as it takes. The answers are in its order. What is known of the head is
/// used, and brought up to date.
pub(super) fn append<'a>(
    inner: &'a Inner,
    workspace: WorkspaceId,
    group: &'a [Prepared],
    known: &'a mut Option<Known>,
) -> BoxFuture<'a, Vec<Answer>> {
    Box::pin(async move {
        match group::append(inner, workspace, group, known).await {
            Ok(answers) => answers,
            Err(Failure::Refused(what)) if group.len() > 1 => {
                tracing::warn!(%workspace, appends = group.len(), what, "a group was refused and is halved");
                let (first, second) = group.split_at(group.len() / 2);
                let mut answers = append(inner, workspace, first, known).await;
                answers.extend(append(inner, workspace, second, known).await);
                answers
            }
            Err(failure) => {
                // Whether a commit that was under way came through is not known.
                inner.cache.forget(workspace, group);
                group.iter().map(|_| Err(AppendError::Log(LogError::from(failure.clone())))).collect()
            }
        }
    })
}
