//! Commands that were carried out, and the answers they were given.
//!
//! The row is written by the append itself (`event_log`); the answer follows once it is known. Its body may say
//! anything a caller was told, so it is sealed, bound to its workspace and command.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::{Answer, AnswerStore, Clock, RecordedCommand, ResourceRef};
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, KeyId, MessageId, WebhookId, WorkspaceId};
use interflow_vault::{RootKeys, SealingKey};
use sqlx::PgPool;
use sqlx::types::{Json, Uuid};

use crate::event_log::{Failure, log_error};

/// Rows deleted in one statement, so that none takes long.
const PRUNED_AT_ONCE: i64 = 5_000;

pub(crate) const COMMAND_COLUMNS: &str =
    "command_id, request_hash, resource_kind, resource_id, status, headers, body, expires_at";

/// [`AnswerStore`] on Postgres.
pub struct PgAnswers {
    pool: PgPool,
    key: SealingKey,
    clock: Arc<dyn Clock>,
}

impl PgAnswers {
    /// The store, sealing under a key derived from these.
    #[must_use]
    pub fn new(pool: PgPool, keys: impl Into<RootKeys>, clock: Arc<dyn Clock>) -> Self {
        Self { pool, key: answers_key(&keys.into()), clock }
    }
}

/// The key under which answers are sealed.
pub(crate) fn answers_key(keys: &RootKeys) -> SealingKey {
    keys.sealing("interflow answers")
}

/// Seals what is kept under the root keys that come next, a few thousand at a time. What is already is left; what does not
/// open is forgotten, as all of it is within a day.
pub(crate) async fn seal_anew(pool: &PgPool, before: &RootKeys, next: &RootKeys) -> Result<(), sqlx::Error> {
    const NEXT: &str = "SELECT workspace_id, command_id, body FROM commands \
         WHERE (workspace_id, command_id) > ($1, $2) AND body IS NOT NULL ORDER BY workspace_id, command_id LIMIT $3";
    const WRITE: &str = "UPDATE commands c SET body = n.body, \
             status = CASE WHEN n.body IS NOT NULL THEN c.status END, \
             headers = CASE WHEN n.body IS NOT NULL THEN c.headers END \
         FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS n(workspace_id, command_id, body) \
         WHERE c.workspace_id = n.workspace_id AND c.command_id = n.command_id AND c.body IS NOT NULL";
    let (old, new) = (answers_key(before), answers_key(next));
    let mut last = (Uuid::nil(), vec![]);
    loop {
        let query = sqlx::query_as(NEXT).bind(last.0).bind(&last.1).bind(PRUNED_AT_ONCE);
        let rows: Vec<(Uuid, Vec<u8>, Vec<u8>)> = query.fetch_all(pool).await?;
        let Some((workspace, command, _)) = rows.last() else { return Ok(()) };
        last = (*workspace, command.clone());
        let (mut workspaces, mut commands, mut bodies) = (vec![], vec![], vec![]);
        for (workspace, command, body) in rows {
            let place = [workspace.as_bytes().as_slice(), &command].concat();
            if new.open(&place, &body).is_err() {
                bodies.push(old.open(&place, &body).ok().map(|opened| new.seal(&place, &opened)));
                workspaces.push(workspace);
                commands.push(command);
            }
        }
        sqlx::query(WRITE).bind(workspaces).bind(commands).bind(bodies).execute(pool).await?;
    }
}

#[async_trait]
impl AnswerStore for PgAnswers {
    async fn find(
        &self,
        workspace: WorkspaceId,
        command: &[u8; 32],
    ) -> Result<Option<RecordedCommand>, LogError> {
        let sql = format!(
            "SELECT {COMMAND_COLUMNS} FROM commands WHERE workspace_id = $1 AND command_id = $2 AND expires_at > $3"
        );
        let row: Option<CommandRow> = sqlx::query_as(&sql)
            .bind(workspace.uuid())
            .bind(command.as_slice())
            .bind(self.clock.now())
            .fetch_optional(&self.pool)
            .await
            .map_err(log_error)?;
        row.map(|row| Ok(row.open(workspace, &self.key)?.2)).transpose()
    }

    async fn keep(&self, workspace: WorkspaceId, command: &[u8; 32], answer: Answer) -> Result<(), LogError> {
        let status = i16::try_from(answer.status).unwrap_or(i16::MAX);
        sqlx::query(
            "UPDATE commands SET status = $3, headers = $4, body = $5 \
             WHERE workspace_id = $1 AND command_id = $2 AND status IS NULL AND NOT forgotten",
        )
        .bind(workspace.uuid())
        .bind(command.as_slice())
        .bind(status)
        .bind(Json(answer.headers))
        .bind(self.key.seal(&place(workspace, command), &answer.body))
        .execute(&self.pool)
        .await
        .map_err(log_error)?;
        Ok(())
    }

    async fn prune(&self) -> Result<u64, LogError> {
        // A row that an append is just writing again is skipped, so that neither ever waits for the other.
        let sql = "DELETE FROM commands WHERE ctid = ANY(ARRAY(SELECT ctid FROM commands WHERE expires_at <= $1 \
                   ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))";
        let now = self.clock.now();
        let mut pruned = 0;
        loop {
            let done = sqlx::query(sql)
                .bind(now)
                .bind(PRUNED_AT_ONCE)
                .execute(&self.pool)
                .await
                .map_err(log_error)?;
            pruned += done.rows_affected();
            if done.rows_affected() < PRUNED_AT_ONCE.unsigned_abs() {
                return Ok(pruned);
            }
        }
    }
}

/// A row of `commands`, in the order of [`COMMAND_COLUMNS`].
#[derive(sqlx::FromRow)]
pub(crate) struct CommandRow {
    command_id: Vec<u8>,
    request_hash: Vec<u8>,
    resource_kind: String,
    resource_id: Uuid,
    status: Option<i16>,
    headers: Option<Json<Vec<(String, String)>>>,
    body: Option<Vec<u8>>,
    expires_at: DateTime<Utc>,
}

impl CommandRow {
    /// Its id, its expiry, and what is kept of it.
    pub(crate) fn open(
        self,
        workspace: WorkspaceId,
        key: &SealingKey,
    ) -> Result<([u8; 32], DateTime<Utc>, RecordedCommand), Failure> {
        let unreadable = |what: &str| Failure::Refused(format!("a recorded command has {what}"));
        let id: [u8; 32] = self.command_id.try_into().map_err(|_| unreadable("an id of another length"))?;
        let request_hash =
            self.request_hash.try_into().map_err(|_| unreadable("a hash of another length"))?;
        let resource = resource_of(&self.resource_kind, self.resource_id)
            .ok_or_else(|| unreadable("a resource of an unknown kind"))?;
        let answer = match (self.status, self.headers, self.body) {
            (Some(status), Some(Json(headers)), Some(body)) => {
                let body = key.open(&place(workspace, &id), &body);
                let body =
                    body.map_err(|_| unreadable("an answer that does not open with this master key"))?;
                Some(Answer { status: status.unsigned_abs(), headers, body })
            }
            _ => None,
        };
        Ok((id, self.expires_at, RecordedCommand { request_hash, resource, answer }))
    }
}

/// How a resource is stored.
pub(crate) const fn stored_resource(resource: ResourceRef) -> (&'static str, Uuid) {
    match resource {
        ResourceRef::Message(id) => ("message", id.uuid()),
        ResourceRef::Job(id) => ("job", id.uuid()),
        ResourceRef::Customer(id) => ("customer", id.uuid()),
        ResourceRef::Chat(id) => ("chat", id.uuid()),
        ResourceRef::Instance(id) => ("instance", id.uuid()),
        ResourceRef::Key(id) => ("key", id.uuid()),
        ResourceRef::Secret(nonce) => ("secret", nonce),
        ResourceRef::Workspace(id) => ("workspace", id.uuid()),
        ResourceRef::Webhook(id) => ("webhook", id.uuid()),
    }
}

fn resource_of(kind: &str, id: Uuid) -> Option<ResourceRef> {
    Some(match kind {
        "message" => ResourceRef::Message(MessageId::new(id)),
        "job" => ResourceRef::Job(JobId::new(id)),
        "customer" => ResourceRef::Customer(CustomerId::new(id)),
        "chat" => ResourceRef::Chat(ChatId::new(id)),
        "instance" => ResourceRef::Instance(InstanceId::new(id)),
        "key" => ResourceRef::Key(KeyId::new(id)),
        "secret" => ResourceRef::Secret(id),
        "workspace" => ResourceRef::Workspace(WorkspaceId::new(id)),
        "webhook" => ResourceRef::Webhook(WebhookId::new(id)),
        _ => return None,
    })
}

fn place(workspace: WorkspaceId, command: &[u8; 32]) -> Vec<u8> {
    [workspace.uuid().as_bytes().as_slice(), command].concat()
}
