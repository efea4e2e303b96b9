//! Questions about jobs. What is to be looked after is asked of all workspaces.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::read::{Job, JobReads, Message, Page, PageRequest};
use interflow_domain::{JobId, MessageId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::list::List;
use super::{MINE, PgReads, message, messages};
use crate::read_models::jobs::{COLUMNS, TABLE, decode};

/// Finished ones are in no index that this reads.
const IN_NEED: &str = "SELECT jobs.* FROM jobs JOIN heads USING (workspace_id, generation) \
     WHERE jobs.finished_at IS NULL AND (NOT jobs.takes_items AND jobs.queued = 0 \
         OR jobs.status = 'cancelled' OR jobs.takes_items AND jobs.created_at < $1) \
     ORDER BY jobs.created_at LIMIT $2";

fn job(row: &PgRow) -> Result<Job, sqlx::Error> {
    decode(row).map(|row| row.view)
}

#[async_trait]
impl JobReads for PgReads {
    async fn job(&self, workspace: WorkspaceId, id: JobId) -> Result<Option<Job>, LogError> {
        self.one((TABLE, COLUMNS), workspace, id.uuid(), job).await
    }

    async fn jobs(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Job>, LogError> {
        let list = List { table: TABLE, columns: COLUMNS, position: "created_position", within: None };
        list.page(&self.pool, workspace, page, job).await
    }

    async fn messages_of_job(
        &self,
        workspace: WorkspaceId,
        job: JobId,
        page: PageRequest,
    ) -> Result<Page<Message>, LogError> {
        let list = List {
            table: messages::TABLE,
            columns: messages::COLUMNS,
            position: "created_position",
            within: Some(("job_id", job.uuid())),
        };
        list.page(&self.pool, workspace, page, message).await
    }

    async fn queued_of_job(
        &self,
        workspace: WorkspaceId,
        job: JobId,
        limit: u32,
    ) -> Result<Vec<MessageId>, LogError> {
        let sql = format!(
            "SELECT id FROM messages WHERE {MINE} AND job_id = $2 AND status = 'queued' \
             ORDER BY created_position LIMIT $3"
        );
        let query = sqlx::query(&sql).bind(workspace.uuid()).bind(job.uuid()).bind(i64::from(limit));
        self.all(query, |row| row.try_get("id").map(MessageId::new)).await
    }

    async fn jobs_in_need(
        &self,
        stale: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, Job)>, LogError> {
        let decode = |row: &PgRow| Ok((WorkspaceId::new(row.try_get("workspace_id")?), job(row)?));
        self.all(sqlx::query(IN_NEED).bind(stale).bind(i64::from(limit)), decode).await
    }
}
