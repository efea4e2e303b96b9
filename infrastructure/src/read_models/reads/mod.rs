//! Answers the application's questions from the read models.
//!
//! Each answer is one statement and so one snapshot, and each but the look-up of a key and the list of what to resume
//! is within one workspace. The generation is the one the workspace's head names in that same snapshot.

mod list;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::read::{
    ApiKey, Channel, Chat, Customer, LiveInstance, Message, Page, PageRequest, Reads,
};
use interflow_domain::{ChatId, CustomerId, InstanceId, InstanceName, MessageId, WorkspaceId};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::columns::storable;
use super::conversations::{chats_table as chats, messages_table as messages};
use super::{api_keys, channels, customers};
use crate::event_log::log_error;
use list::List;

/// The read models in Postgres.
#[derive(Debug, Clone)]
pub struct PgReads {
    pool: PgPool,
}

/// What belongs to a workspace, `$1`, in the generation that its head names.
const MINE: &str =
    "workspace_id = $1 AND generation = (SELECT generation FROM heads WHERE workspace_id = $1)";

impl PgReads {
    /// Answers from this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    async fn one<T>(
        &self,
        (table, columns): (&str, &str),
        workspace: WorkspaceId,
        id: Uuid,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, LogError> {
        let sql = format!("SELECT {columns} FROM {table} WHERE {MINE} AND id = $2");
        let found = self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(id), decode).await?;
        Ok(found.into_iter().next())
    }

    async fn all<T>(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, LogError> {
        let rows = query.fetch_all(&self.pool).await.map_err(log_error)?;
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(log_error)
    }
}

fn customer(row: &PgRow) -> Result<Customer, sqlx::Error> {
    customers::decode(row).map(|row| row.view)
}

fn chat(row: &PgRow) -> Result<Chat, sqlx::Error> {
    chats::decode(row).map(|row| row.view)
}

fn message(row: &PgRow) -> Result<Message, sqlx::Error> {
    messages::decode(row).map(|row| row.view)
}

fn channel(row: &PgRow) -> Result<Channel, sqlx::Error> {
    channels::decode(row).map(|row| row.view)
}

#[async_trait]
impl Reads for PgReads {
    async fn api_key(&self, secret_sha256: &str) -> Result<Option<ApiKey>, LogError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE secret_sha256 = $1 \
             AND generation = (SELECT generation FROM heads WHERE heads.workspace_id = {}.workspace_id) \
             ORDER BY created_position LIMIT 1",
            api_keys::COLUMNS,
            api_keys::TABLE,
            api_keys::TABLE
        );
        let found = self.all(sqlx::query(&sql).bind(&*storable(secret_sha256)), api_keys::decode).await?;
        Ok(found.into_iter().next())
    }

    async fn customer(&self, workspace: WorkspaceId, id: CustomerId) -> Result<Option<Customer>, LogError> {
        self.one((customers::TABLE, customers::COLUMNS), workspace, id.uuid(), customer).await
    }

    async fn customers(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Customer>, LogError> {
        let list = List {
            table: customers::TABLE,
            columns: customers::COLUMNS,
            position: "created_position",
            within: None,
        };
        list.page(&self.pool, workspace, page, customer).await
    }

    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>, LogError> {
        self.one((chats::TABLE, chats::COLUMNS), workspace, id.uuid(), chat).await
    }

    async fn chats(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Chat>, LogError> {
        let (table, columns) = (chats::TABLE, chats::COLUMNS);
        let list = List { table, columns, position: "touched_position", within: None };
        list.page(&self.pool, workspace, page, chat).await
    }

    async fn open_chats_of(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
    ) -> Result<Vec<Chat>, LogError> {
        let sql = format!(
            "SELECT {} FROM chats WHERE {MINE} AND customer_id = $2 AND status <> 'closed' \
             ORDER BY touched_position DESC",
            chats::COLUMNS
        );
        self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(customer.uuid()), chat).await
    }

    async fn messages_of(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        page: PageRequest,
    ) -> Result<Page<Message>, LogError> {
        let list = List {
            table: messages::TABLE,
            columns: messages::COLUMNS,
            position: "created_position",
            within: Some(("chat_id", chat.uuid())),
        };
        list.page(&self.pool, workspace, page, message).await
    }

    async fn message(&self, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, LogError> {
        self.one((messages::TABLE, messages::COLUMNS), workspace, id.uuid(), message).await
    }

    async fn outbound_by_whatsapp_id(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        whatsapp_ids: &[String],
    ) -> Result<Vec<MessageId>, LogError> {
        let sql = format!(
            "SELECT id FROM messages WHERE {MINE} AND instance_id = $2 AND whatsapp_id = ANY($3) \
             AND direction = 'outbound' ORDER BY created_position"
        );
        let whatsapp_ids: Vec<_> = whatsapp_ids.iter().map(|id| storable(id).into_owned()).collect();
        let query = sqlx::query(&sql).bind(workspace.uuid()).bind(instance.uuid()).bind(whatsapp_ids);
        self.all(query, |row| row.try_get("id").map(MessageId::new)).await
    }

    async fn channel(&self, workspace: WorkspaceId, id: InstanceId) -> Result<Option<Channel>, LogError> {
        self.one((channels::TABLE, channels::COLUMNS), workspace, id.uuid(), channel).await
    }

    async fn channel_named(
        &self,
        workspace: WorkspaceId,
        name: &InstanceName,
    ) -> Result<Option<Channel>, LogError> {
        let sql = format!("SELECT {} FROM channels WHERE {MINE} AND name = $2", channels::COLUMNS);
        let found = self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(name.as_str()), channel).await?;
        Ok(found.into_iter().next())
    }

    async fn channels(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<Channel>, LogError> {
        let (table, columns) = (channels::TABLE, channels::COLUMNS);
        let list = List { table, columns, position: "created_position", within: None };
        list.page(&self.pool, workspace, page, channel).await
    }

    async fn all_channels(&self, workspace: WorkspaceId) -> Result<Vec<Channel>, LogError> {
        let sql = format!("SELECT {} FROM channels WHERE {MINE} ORDER BY name", channels::COLUMNS);
        self.all(sqlx::query(&sql).bind(workspace.uuid()), channel).await
    }

    async fn live_instances(&self) -> Result<Vec<LiveInstance>, LogError> {
        let sql = "SELECT channels.workspace_id, channels.id, channels.linked \
             FROM heads JOIN channels USING (workspace_id, generation) WHERE channels.status <> 'close' \
             ORDER BY channels.workspace_id, channels.created_position";
        let decode = |row: &PgRow| {
            Ok(LiveInstance {
                workspace: WorkspaceId::new(row.try_get("workspace_id")?),
                instance: InstanceId::new(row.try_get("id")?),
                linked: row.try_get("linked")?,
            })
        };
        self.all(sqlx::query(sql), decode).await
    }

    async fn ping(&self) -> Result<DateTime<Utc>, LogError> {
        sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&self.pool).await.map_err(log_error)
    }
}
