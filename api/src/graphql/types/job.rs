//! A job.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use interflow_application::read;
use interflow_domain::job::{JobKind as Kind, JobStatus as Status};
use interflow_domain::workspace::Scope;
use interflow_domain::{InstanceId, JobId};

use super::{Channel, Message};
use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::page_request;
use crate::graphql::loaders::beside;
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// Work that a call was answered with before it was done.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Job {
    /// Its id.
    pub(super) id: ID,
    /// What kind of work it is.
    kind: JobKind,
    /// Where it stands, or how it ended.
    status: JobStatus,
    /// The id of the channel that it goes through, if it goes through one.
    channel_id: Option<ID>,
    /// How many items the call brought.
    total: i32,
    /// How many of them were taken.
    accepted: i32,
    /// How many were refused.
    rejected: i32,
    /// Where the accepted ones are.
    progress: JobProgress,
    /// When it was created.
    created_at: Timestamp,
    /// When what is still open of it is given up.
    expires_at: Timestamp,
    /// When nothing of it was open any more.
    finished_at: Option<Timestamp>,
    /// How many events it has.
    version: Long,
    #[graphql(skip)]
    ids: (JobId, Option<InstanceId>),
}

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Kind")]
pub enum JobKind {
    /// Messages through one channel.
    BulkSend,
    /// Deliveries of a webhook that are made once more.
    WebhookReplay,
}

/// Where a job stands, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub enum JobStatus {
    /// Under way.
    Running,
    /// All of it was carried out, or failed for a reason of its own.
    Completed,
    /// Somebody cancelled it.
    Cancelled,
    /// The call that brought its items ended in the middle: what it had brought is carried out.
    Incomplete,
}

/// Where the items of a job are: each is counted once, at the furthest it got.
#[derive(SimpleObject)]
pub struct JobProgress {
    /// Open: neither sent nor given up.
    queued: i32,
    /// At WhatsApp's server.
    sent: i32,
    /// At the recipient's phone.
    delivered: i32,
    /// Read by the recipient, or played.
    read: i32,
    /// Given up, for a reason of its own.
    failed: i32,
    /// Given up because the job was cancelled.
    cancelled: i32,
}

impl From<read::Progress> for JobProgress {
    fn from(progress: read::Progress) -> Self {
        let read::Progress { queued, sent, delivered, read, failed, cancelled } = progress;
        Self {
            queued: queued.cast_signed(),
            sent: sent.cast_signed(),
            delivered: delivered.cast_signed(),
            read: read.cast_signed(),
            failed: failed.cast_signed(),
            cancelled: cancelled.cast_signed(),
        }
    }
}

impl From<read::Job> for Job {
    fn from(job: read::Job) -> Self {
        Self {
            id: job.id.to_string().into(),
            kind: job.kind.into(),
            status: job.status.into(),
            channel_id: job.instance.map(|id| id.to_string().into()),
            total: job.total.cast_signed(),
            accepted: job.accepted.cast_signed(),
            rejected: job.rejected.cast_signed(),
            progress: job.progress.into(),
            created_at: job.created_at.into(),
            expires_at: job.expires_at.into(),
            finished_at: job.finished_at.map(Timestamp),
            version: Long(job.version),
            ids: (job.id, job.instance),
        }
    }
}

#[ComplexObject]
impl Job {
    /// The channel that it goes through, unless that is deleted. Needs `channels:read`.
    async fn channel(&self, context: &Context<'_>) -> Told<Channel> {
        needs(context, Scope::ChannelsRead, async {
            let Some(id) = self.ids.1 else { return Ok(None) };
            Ok(beside(context, id).await?.map(Channel::from))
        })
        .await
    }

    /// Its messages, newest first. Needs `messages:read`.
    #[graphql(complexity = "page(first, None, child_complexity)")]
    async fn messages(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
    ) -> Told<Connection<Message>> {
        needs(context, Scope::MessagesRead, async {
            let asker = Asker::of(context)?;
            let request = page_request(first, after.as_deref())?;
            let messages =
                asker.app.core.reads.messages_of_job(asker.workspace(), self.ids.0, request).await?;
            let page = Connection::of(messages, after.is_some(), Message::from);
            Ok(Some(asker.shown("jobs.messages", Some(self.ids.0.to_string()), page)))
        })
        .await
    }
}
