//! Questions about many at once: one statement each, however many are asked for.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::read::{
    BatchReads, Channel, Chat, Customer, Extent, Job, Mark, Marked, Message, PageRequest, SortValue, Stretch,
};
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, MessageId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{MINE, PgReads, channel, channels, chat, chats, customer, customers, listing, message, messages};
use crate::event_log::log_error;
use crate::read_models::columns::{bigint, count};
use crate::read_models::jobs;

/// Lists of which each belongs to something, in the order of an index that has them so.
struct Lists {
    table: &'static str,
    columns: &'static str,
    /// What they belong to.
    parent: &'static str,
    value: &'static str,
    position: &'static str,
}

const MESSAGES_OF_CHATS: Lists = Lists {
    table: messages::TABLE,
    columns: messages::COLUMNS,
    parent: "chat_id",
    value: "created_at",
    position: "created_position",
};
const CHATS_OF_CUSTOMERS: Lists = Lists {
    table: chats::TABLE,
    columns: chats::COLUMNS,
    parent: "customer_id",
    value: "updated_at",
    position: "touched_position",
};
const CHATS_OF_CHANNELS: Lists = Lists { parent: "instance_id", ..CHATS_OF_CUSTOMERS };

impl Lists {
    /// A stretch of each list, one row more than was asked for, and how many rows each has, if that is wanted (`$6`).
    fn sql(&self, descending: bool) -> String {
        let Self { table, columns, parent, value, position } = self;
        let (than, direction, beginning) =
            if descending { ("<", "DESC", "infinity") } else { (">", "ASC", "-infinity") };
        let theirs = format!("FROM {table} WHERE {MINE} AND {parent} = asked.id");
        let order = format!("ORDER BY {value} {direction}, {position} {direction}");
        let most = PageRequest::EXACT_TOTAL + 1;
        format!(
            "SELECT asked.number, \
                 CASE WHEN $6 THEN (SELECT count(*) FROM (SELECT {theirs} {order} LIMIT {most}) AS entry) \
                 ELSE 0 END AS total, \
                 found.* \
             FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[]) WITH ORDINALITY \
                 AS asked (id, after_value, after_position, number) \
             LEFT JOIN LATERAL (SELECT {columns}, {value} AS sort_value, {position} AS sort_position {theirs} \
                 AND ({value}, {position}) {than} \
                     (coalesce(asked.after_value, '{beginning}'), coalesce(asked.after_position, 0)) \
                 {order} LIMIT $5) AS found ON true"
        )
    }

    async fn ask<P, T>(
        &self,
        reads: &PgReads,
        (workspace, stretches, extent): (WorkspaceId, &[Stretch<P>], Extent),
        id: impl Fn(&P) -> Uuid + Sync,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error> + Sync,
    ) -> Result<Vec<Marked<T>>, LogError> {
        let time = |mark: &Mark| match &mark.value {
            SortValue::Time(time) => Some(*time),
            SortValue::Text(_) => None,
        };
        let ids: Vec<Uuid> = stretches.iter().map(|stretch| id(&stretch.of)).collect();
        let values: Vec<Option<DateTime<Utc>>> =
            stretches.iter().map(|stretch| stretch.after.as_ref().and_then(time)).collect();
        let positions: Vec<Option<i64>> = stretches
            .iter()
            .map(|stretch| stretch.after.as_ref().map(|mark| bigint(mark.position)))
            .collect();
        let sql = self.sql(extent.descending);
        let query = sqlx::query(&sql)
            .bind(workspace.uuid())
            .bind(ids)
            .bind(values)
            .bind(positions)
            .bind(i64::from(extent.size) + 1)
            .bind(extent.counted);
        // Read along the index, as the lists of one are.
        let mut transaction = listing::in_order(&reads.pool).await.map_err(log_error)?;
        let rows = query.fetch_all(&mut *transaction).await.map_err(log_error)?;
        transaction.commit().await.map_err(log_error)?;
        gather(&rows, stretches.len(), extent.size as usize, decode).map_err(log_error)
    }
}

/// The rows of each stretch. They come in the order of its list.
fn gather<T>(
    rows: &[PgRow],
    stretches: usize,
    size: usize,
    decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<Marked<T>>, sqlx::Error> {
    let mut lists: Vec<Marked<T>> = (0..stretches).map(|_| Marked::empty()).collect();
    for row in rows {
        let number = usize::try_from(count(row, "number")?).unwrap_or_default();
        let Some(list) = number.checked_sub(1).and_then(|index| lists.get_mut(index)) else { continue };
        list.total = count(row, "total")?;
        list.total_is_estimate = list.total > PageRequest::EXACT_TOTAL;
        if row.try_get::<Option<i64>, _>("sort_position")?.is_none() {
            continue;
        }
        if list.items.len() == size {
            list.next = list.marks.last().cloned();
            continue;
        }
        list.items.push(decode(row)?);
        let value = SortValue::Time(row.try_get("sort_value")?);
        list.marks.push(Mark { value, position: count(row, "sort_position")? });
    }
    Ok(lists)
}

impl PgReads {
    async fn many<T>(
        &self,
        (table, columns): (&str, &str),
        workspace: WorkspaceId,
        ids: Vec<Uuid>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, LogError> {
        let sql = format!("SELECT {columns} FROM {table} WHERE {MINE} AND id = ANY($2)");
        self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(ids), decode).await
    }
}

#[async_trait]
impl BatchReads for PgReads {
    async fn customers_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[CustomerId],
    ) -> Result<Vec<Customer>, LogError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        self.many((customers::TABLE, customers::COLUMNS), workspace, ids, customer).await
    }

    async fn chats_by_id(&self, workspace: WorkspaceId, ids: &[ChatId]) -> Result<Vec<Chat>, LogError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        self.many((chats::TABLE, chats::COLUMNS), workspace, ids, chat).await
    }

    async fn messages_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, LogError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        self.many((messages::TABLE, messages::COLUMNS), workspace, ids, message).await
    }

    async fn channels_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[InstanceId],
    ) -> Result<Vec<Channel>, LogError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        self.many((channels::TABLE, channels::COLUMNS), workspace, ids, channel).await
    }

    async fn jobs_by_id(&self, workspace: WorkspaceId, ids: &[JobId]) -> Result<Vec<Job>, LogError> {
        let ids = ids.iter().map(|id| id.uuid()).collect();
        self.many((jobs::TABLE, jobs::COLUMNS), workspace, ids, |row| jobs::decode(row).map(|row| row.view))
            .await
    }

    async fn messages_of_chats(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<ChatId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Message>>, LogError> {
        let asked = (workspace, stretches, extent);
        MESSAGES_OF_CHATS.ask(self, asked, |id| id.uuid(), message).await
    }

    async fn chats_of_customers(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<CustomerId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Chat>>, LogError> {
        let asked = (workspace, stretches, extent);
        CHATS_OF_CUSTOMERS.ask(self, asked, |id| id.uuid(), chat).await
    }

    async fn chats_of_channels(
        &self,
        workspace: WorkspaceId,
        stretches: &[Stretch<InstanceId>],
        extent: Extent,
    ) -> Result<Vec<Marked<Chat>>, LogError> {
        let asked = (workspace, stretches, extent);
        CHATS_OF_CHANNELS.ask(self, asked, |id| id.uuid(), chat).await
    }
}
