//! The table `chats`.

use interflow_application::read::{Chat, LastMessage};
use interflow_domain::chat::ChatStatus;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::ChatRow;
use super::messages_table::direction_name;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "chats";
pub(in crate::read_models) const COLUMNS: &str = "id, instance_id, customer_id, status, snoozed_until, assignee, \
     inbound_count, unread_count, last_message_id, last_message_direction, last_message_kind, last_message_preview, \
     last_message_at, created_at, updated_at, version, created_position, touched_position";

const WRITE: &str = "INSERT INTO chats (workspace_id, generation, id, instance_id, customer_id, status, \
         snoozed_until, assignee, inbound_count, unread_count, last_message_id, last_message_direction, last_message_kind, \
         last_message_preview, last_message_at, created_at, updated_at, version, created_position, \
         touched_position) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[], $8::text[], \
         $9::bigint[], $10::bigint[], $11::uuid[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], \
         $16::timestamptz[], $17::timestamptz[], $18::bigint[], $19::bigint[], $20::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET instance_id = excluded.instance_id, \
         customer_id = excluded.customer_id, status = excluded.status, \
         snoozed_until = excluded.snoozed_until, assignee = excluded.assignee, inbound_count = excluded.inbound_count, unread_count = excluded.unread_count, \
         last_message_id = excluded.last_message_id, last_message_direction = excluded.last_message_direction, \
         last_message_kind = excluded.last_message_kind, last_message_preview = excluded.last_message_preview, \
         last_message_at = excluded.last_message_at, created_at = excluded.created_at, \
         updated_at = excluded.updated_at, version = excluded.version, \
         created_position = excluded.created_position, touched_position = excluded.touched_position";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[ChatRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    batch
        .part("chats_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.instance.uuid()))
        .bind(column(rows, |row| row.view.customer.uuid()))
        .bind(column(rows, |row| status_name(row.view.status)))
        .bind(column(rows, |row| row.view.snoozed_until))
        .bind(column(rows, |row| row.view.assignee.as_deref()))
        .bind(column(rows, |row| bigint(row.inbound_count)))
        .bind(column(rows, |row| bigint(row.view.unread_count)))
        .bind(column(rows, |row| last(row).map(|last| last.id.uuid())))
        .bind(column(rows, |row| last(row).map(|last| direction_name(last.direction))))
        .bind(column(rows, |row| last(row).map(|last| last.kind.as_str())))
        .bind(column(rows, |row| last(row).and_then(|last| last.preview.as_deref())))
        .bind(column(rows, |row| last(row).map(|last| last.at)))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.updated_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)))
        .bind(column(rows, |row| bigint(row.view.touched)));
    Ok(())
}

const fn last(row: &ChatRow) -> Option<&LastMessage> {
    row.view.last_message.as_ref()
}

pub(in crate::read_models) const fn status_name(status: ChatStatus) -> &'static str {
    match status {
        ChatStatus::Open => "open",
        ChatStatus::Snoozed => "snoozed",
        ChatStatus::Closed => "closed",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<ChatRow, sqlx::Error> {
    let view = Chat {
        id: ChatId::new(row.try_get("id")?),
        instance: InstanceId::new(row.try_get("instance_id")?),
        customer: CustomerId::new(row.try_get("customer_id")?),
        status: named(row, "status")?,
        snoozed_until: row.try_get("snoozed_until")?,
        assignee: row.try_get("assignee")?,
        unread_count: count(row, "unread_count")?,
        last_message: last_message(row)?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: count(row, "version")?,
        touched: count(row, "touched_position")?,
    };
    let inbound_count = count(row, "inbound_count")?;
    Ok(ChatRow { view, inbound_count, created_position: count(row, "created_position")? })
}

fn last_message(row: &PgRow) -> Result<Option<LastMessage>, sqlx::Error> {
    let Some(id) = row.try_get::<Option<Uuid>, _>("last_message_id")? else { return Ok(None) };
    Ok(Some(LastMessage {
        id: MessageId::new(id),
        direction: named(row, "last_message_direction")?,
        kind: row.try_get("last_message_kind")?,
        preview: row.try_get("last_message_preview")?,
        at: row.try_get("last_message_at")?,
    }))
}
