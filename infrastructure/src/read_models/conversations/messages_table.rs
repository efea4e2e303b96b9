//! The table `messages`.
//!
//! What a message says is written once: rows are loaded without it to be moved on, and an upsert of a row that is
//! there touches only what can change.

use interflow_application::read::Message;
use interflow_domain::message::Direction;
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, MessageId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::MessageRow;
use crate::batch::Batch;
use crate::read_models::columns::{bigint, column, count, json, json_text, named};
use crate::read_models::table::Scope;

pub(in crate::read_models) const TABLE: &str = "messages";

/// `$said` stands for the columns that say what the message says.
macro_rules! columns {
    ($said:literal) => {
        concat!(
            "id, chat_id, instance_id, customer_id, direction, kind, ",
            $said,
            ", status, status_reason, whatsapp_id, reply_to, job_id, inbound_ordinal, created_at, sent_at, \
             delivered_at, read_at, failed_at, version, created_position"
        )
    };
}

pub(in crate::read_models) const COLUMNS: &str = columns!("phone, content");
pub(super) const COLUMNS_TO_MOVE_ON: &str = columns!("NULL::text AS phone, NULL::json AS content");

const WRITE: &str = "INSERT INTO messages (workspace_id, generation, id, chat_id, instance_id, customer_id, \
         direction, kind, phone, content, status, status_reason, whatsapp_id, reply_to, job_id, inbound_ordinal, \
         created_at, sent_at, delivered_at, read_at, failed_at, version, created_position) \
     SELECT $1, $2, new.* \
     FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], \
         $10::text[]::json[], $11::text[], $12::text[], $13::text[], $14::uuid[], $15::uuid[], \
         $16::bigint[], $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], \
         $21::timestamptz[], $22::bigint[], $23::bigint[]) AS new \
     WHERE {held} \
     ON CONFLICT (workspace_id, generation, id) DO UPDATE SET status = excluded.status, \
         status_reason = excluded.status_reason, sent_at = excluded.sent_at, \
         delivered_at = excluded.delivered_at, read_at = excluded.read_at, failed_at = excluded.failed_at, \
         version = excluded.version";

pub(super) fn write(batch: &mut Batch, scope: Scope<'_>, rows: &[MessageRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let content = |row: &MessageRow| row.view.content.as_ref().map(json_text).transpose();
    let content = rows.iter().map(content).collect::<Result<Vec<_>, _>>()?;
    batch
        .part("messages_written", WRITE)
        .bind(scope.workspace)
        .bind(scope.generation)
        .bind(column(rows, |row| row.view.id.uuid()))
        .bind(column(rows, |row| row.view.chat.uuid()))
        .bind(column(rows, |row| row.view.instance.uuid()))
        .bind(column(rows, |row| row.view.customer.uuid()))
        .bind(column(rows, |row| direction_name(row.view.direction)))
        .bind(column(rows, |row| row.view.kind.as_str()))
        .bind(column(rows, |row| row.view.phone.as_deref()))
        .bind(content)
        .bind(column(rows, |row| row.view.status.name()))
        .bind(column(rows, |row| row.view.status_reason.as_deref()))
        .bind(column(rows, |row| row.view.whatsapp_id.as_str()))
        .bind(column(rows, |row| row.view.reply_to.map(MessageId::uuid)))
        .bind(column(rows, |row| row.view.job.map(JobId::uuid)))
        .bind(column(rows, |row| bigint(row.inbound_ordinal)))
        .bind(column(rows, |row| row.view.created_at))
        .bind(column(rows, |row| row.view.sent_at))
        .bind(column(rows, |row| row.view.delivered_at))
        .bind(column(rows, |row| row.view.read_at))
        .bind(column(rows, |row| row.view.failed_at))
        .bind(column(rows, |row| bigint(row.view.version)))
        .bind(column(rows, |row| bigint(row.created_position)));
    Ok(())
}

pub(in crate::read_models) const fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    }
}

pub(in crate::read_models) fn decode(row: &PgRow) -> Result<MessageRow, sqlx::Error> {
    let view = Message {
        id: MessageId::new(row.try_get("id")?),
        chat: ChatId::new(row.try_get("chat_id")?),
        instance: InstanceId::new(row.try_get("instance_id")?),
        customer: CustomerId::new(row.try_get("customer_id")?),
        direction: named(row, "direction")?,
        phone: row.try_get("phone")?,
        content: json(row, "content")?,
        kind: row.try_get("kind")?,
        status: named(row, "status")?,
        status_reason: row.try_get("status_reason")?,
        whatsapp_id: row.try_get("whatsapp_id")?,
        reply_to: row.try_get::<Option<Uuid>, _>("reply_to")?.map(MessageId::new),
        job: row.try_get::<Option<Uuid>, _>("job_id")?.map(JobId::new),
        created_at: row.try_get("created_at")?,
        sent_at: row.try_get("sent_at")?,
        delivered_at: row.try_get("delivered_at")?,
        read_at: row.try_get("read_at")?,
        failed_at: row.try_get("failed_at")?,
        version: count(row, "version")?,
    };
    let inbound_ordinal = count(row, "inbound_ordinal")?;
    Ok(MessageRow { view, inbound_ordinal, created_position: count(row, "created_position")? })
}
