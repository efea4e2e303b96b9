//! Answers the application's questions from the read models.
//!
//! Each answer is one statement and so one snapshot, and each but the look-up of a key and the list of what to resume
//! is within one workspace. The generation is the one the workspace's head names in that same snapshot.

mod batches;
mod jobs;
mod list;
pub(super) mod listing;
mod tenancy;
mod webhooks;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::ChannelRef;
use interflow_application::log::LogError;
use interflow_application::read::{
    ApiKey, Channel, Chat, ChatFilter, ChatSort, Credential, Customer, CustomerFilter, CustomerSort, Listing,
    LiveInstance, Marked, Message, MessageFilter, MessageSort, Page, PageRequest, Reads, Workspace,
};
use interflow_domain::workspace::MessageRetention;
use interflow_domain::{ChatId, CustomerId, InstanceId, InstanceName, KeyId, MessageId, WorkspaceId};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::columns::storable;
use super::conversations::{chats_table as chats, messages_table as messages};
use super::{channels, customers};
use crate::event_log::log_error;
use list::List;

/// The read models in Postgres.
#[derive(Debug, Clone)]
pub struct PgReads {
    pool: PgPool,
}

/// What belongs to a workspace, `$1`, in the generation that its head names.
pub(super) const MINE: &str =
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

    /// The instance a filter asks for, if it does; nothing when it asks for what there is not.
    async fn channel_of(
        &self,
        workspace: WorkspaceId,
        asked: Option<&ChannelRef>,
    ) -> Result<Option<Option<InstanceId>>, LogError> {
        match asked {
            Some(channel) => Ok(channel.named(self, workspace).await?.map(Some)),
            None => Ok(Some(None)),
        }
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
    async fn credential(&self, secret_sha256: &str) -> Result<Option<Credential>, LogError> {
        tenancy::credential(self, secret_sha256).await
    }

    async fn api_key(&self, workspace: WorkspaceId, id: KeyId) -> Result<Option<ApiKey>, LogError> {
        tenancy::api_key(self, workspace, id).await
    }

    async fn api_keys(&self, workspace: WorkspaceId, page: PageRequest) -> Result<Page<ApiKey>, LogError> {
        tenancy::api_keys(self, workspace, page).await
    }

    async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, LogError> {
        tenancy::workspace(self, id).await
    }

    async fn workspaces(&self, page: PageRequest) -> Result<Page<Workspace>, LogError> {
        tenancy::workspaces(self, page).await
    }

    async fn customer(&self, workspace: WorkspaceId, id: CustomerId) -> Result<Option<Customer>, LogError> {
        self.one((customers::TABLE, customers::COLUMNS), workspace, id.uuid(), customer).await
    }

    async fn customers(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<CustomerFilter, CustomerSort>,
    ) -> Result<Marked<Customer>, LogError> {
        listing::customers::customers(&self.pool, workspace, listing).await
    }

    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>, LogError> {
        self.one((chats::TABLE, chats::COLUMNS), workspace, id.uuid(), chat).await
    }

    async fn chats(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<ChatFilter, ChatSort>,
    ) -> Result<Marked<Chat>, LogError> {
        let Some(channel) = self.channel_of(workspace, listing.filter.channel.as_ref()).await? else {
            return Ok(Marked::empty());
        };
        listing::chats::chats(&self.pool, workspace, channel, listing).await
    }

    async fn open_chats_of(
        &self,
        workspace: WorkspaceId,
        customer: CustomerId,
    ) -> Result<Vec<Chat>, LogError> {
        let sql = format!(
            "SELECT {} FROM chats WHERE {MINE} AND customer_id = $2 AND status <> 'closed' \
             ORDER BY updated_at DESC, touched_position DESC",
            chats::COLUMNS
        );
        self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(customer.uuid()), chat).await
    }

    async fn messages(
        &self,
        workspace: WorkspaceId,
        listing: &Listing<MessageFilter, MessageSort>,
    ) -> Result<Marked<Message>, LogError> {
        let Some(channel) = self.channel_of(workspace, listing.filter.channel.as_ref()).await? else {
            return Ok(Marked::empty());
        };
        listing::messages::messages(&self.pool, workspace, channel, listing).await
    }

    async fn latest_inbound(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        limit: u32,
    ) -> Result<Vec<String>, LogError> {
        let sql = format!(
            "SELECT whatsapp_id FROM messages WHERE {MINE} AND chat_id = $2 AND direction = 'inbound' \
             ORDER BY created_at DESC, created_position DESC LIMIT $3"
        );
        let query = sqlx::query(&sql).bind(workspace.uuid()).bind(chat.uuid()).bind(i64::from(limit));
        self.all(query, |row| row.try_get("whatsapp_id")).await
    }

    async fn snoozed_until(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<(WorkspaceId, ChatId)>, LogError> {
        let sql = "SELECT chats.workspace_id, chats.id FROM chats JOIN heads USING (workspace_id, generation) \
             WHERE chats.snoozed_until <= $1 ORDER BY chats.snoozed_until LIMIT $2";
        let decode = |row: &PgRow| {
            Ok((WorkspaceId::new(row.try_get("workspace_id")?), ChatId::new(row.try_get("id")?)))
        };
        self.all(sqlx::query(sql).bind(now).bind(i64::from(limit)), decode).await
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
            "SELECT m.id FROM (SELECT DISTINCT * FROM unnest($3::text[])) AS wanted (whatsapp_id), \
             LATERAL (SELECT id, created_position FROM messages WHERE {MINE} AND instance_id = $2 \
                 AND direction = 'outbound' AND whatsapp_id = wanted.whatsapp_id OFFSET 0) m \
             ORDER BY m.created_position"
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

    async fn retentions(&self) -> Result<Vec<(WorkspaceId, MessageRetention)>, LogError> {
        tenancy::retentions(self).await
    }

    async fn webhook_count(&self, workspace: WorkspaceId) -> Result<u64, LogError> {
        let sql = format!("SELECT count(*) FROM webhooks WHERE {MINE} AND origin = 'api'");
        let query = sqlx::query_scalar(&sql).bind(workspace.uuid());
        let count: i64 = query.fetch_one(&self.pool).await.map_err(log_error)?;
        Ok(count.unsigned_abs())
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
