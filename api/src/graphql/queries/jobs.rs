//! Jobs.

use async_graphql::{Context, ID, Object};
use interflow_domain::JobId;
use interflow_domain::workspace::Scope;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::loaders::{Named as _, by_id};
use crate::graphql::types::Job;

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// The jobs, newest first. Needs `jobs:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn jobs(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<Connection<Job>> {
        needs(context, Scope::JobsRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let jobs = asker.app.core.reads.jobs(asker.workspace(), request).await?;
            Ok(Some(asker.shown(JobId::RESOURCE, None, Connection::of(jobs, after.is_some(), Job::from))))
        })
        .await
    }

    /// A job and its progress. Needs `jobs:read`.
    async fn job(&self, context: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> Told<Job> {
        needs(context, Scope::JobsRead, async {
            let Ok(id) = id.parse::<JobId>() else { return Ok(None) };
            Ok(by_id(context, id).await?.map(Job::from))
        })
        .await
    }
}
