//! Questions about webhooks: how they stand, how far they are, and what became of their deliveries.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::read::{Cursor, Page, PageRequest, Window};
use interflow_application::webhook::breaker::Breaker;
use interflow_application::webhook::ports::Replay;
use interflow_application::webhook::views::{DeliveryFilter, Progress, WebhookReads, WebhookView};
use interflow_application::webhook::{Attempt, Delivery};
use interflow_domain::{DeliveryId, JobId, WebhookId, WorkspaceId};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder, Row as _};

use super::PgReads;
use super::list::List;
use crate::event_log::log_error;
use crate::read_models::columns::{bigint, storable};
use crate::read_models::webhooks::{TABLE, decode};
use crate::webhooks::rows;

/// A row, and how far its endpoint is, as one snapshot has them.
macro_rules! of_cursor {
    ($column:literal) => {
        concat!(
            ", (SELECT c.",
            $column,
            " FROM webhook_cursors c WHERE c.workspace_id = webhooks.workspace_id AND c.webhook_id = webhooks.id) AS ",
            $column
        )
    };
}
const COLUMNS: &str = concat!(
    "id, status, reason, origin, start_position, start_time, created_at, updated_at, version, created_position, \
     activated_position, (SELECT h.position FROM heads h WHERE h.workspace_id = webhooks.workspace_id) AS head",
    of_cursor!("position"),
    of_cursor!("open"),
    of_cursor!("breaker"),
    of_cursor!("throttled_until")
);
/// How many attempts of a delivery are shown.
const ATTEMPTS: i64 = 100;

fn view(row: &PgRow) -> Result<WebhookView, sqlx::Error> {
    Ok(WebhookView { row: decode(row)?.view, progress: progress(row)? })
}

fn progress(row: &PgRow) -> Result<Option<Progress>, sqlx::Error> {
    let (position, open): (Option<i64>, Option<i32>) = (row.try_get("position")?, row.try_get("open")?);
    let Some((position, open)) = position.zip(open) else { return Ok(None) };
    let head: i64 = row.try_get("head")?;
    let breaker: Option<Json<Breaker>> = row.try_get("breaker")?;
    Ok(Some(Progress {
        position: position.unsigned_abs(),
        head: head.unsigned_abs(),
        open: open.unsigned_abs(),
        breaker: breaker.map(|Json(breaker)| breaker).unwrap_or_default(),
        throttled_until: row.try_get::<Option<DateTime<Utc>>, _>("throttled_until")?,
    }))
}

/// The deliveries that a filter lets through. Those that failed, and those that are open, have indexes of their own,
/// which are found by what is written here and not by what is bound.
fn push_filtered(
    sql: &mut QueryBuilder<'_, Postgres>,
    (workspace, webhook): (WorkspaceId, WebhookId),
    filter: &DeliveryFilter,
) {
    sql.push(" FROM webhook_deliveries d WHERE d.workspace_id = ").push_bind(workspace.uuid());
    sql.push(" AND d.webhook_id = ").push_bind(webhook.uuid());
    match filter.status {
        None => {}
        Some("failed") => drop(sql.push(" AND d.status = 'failed'")),
        Some("pending") => drop(sql.push(" AND d.turn IS NOT NULL")),
        Some(status) => drop(sql.push(" AND d.status = ").push_bind(status)),
    }
    if let Some(event_type) = &filter.event_type {
        sql.push(" AND d.event_type = ").push_bind(storable(event_type).into_owned());
    }
    if let Some(from) = filter.created_from {
        sql.push(" AND d.created_at >= ").push_bind(from);
    }
    if let Some(before) = filter.created_before {
        sql.push(" AND d.created_at < ").push_bind(before);
    }
}

#[async_trait]
impl WebhookReads for PgReads {
    async fn webhook(&self, workspace: WorkspaceId, id: WebhookId) -> Result<Option<WebhookView>, LogError> {
        self.one((TABLE, COLUMNS), workspace, id.uuid(), view).await
    }

    async fn webhooks(
        &self,
        workspace: WorkspaceId,
        page: PageRequest,
    ) -> Result<Page<WebhookView>, LogError> {
        let list = List { table: TABLE, columns: COLUMNS, position: "created_position", within: None };
        list.page(&self.pool, workspace, page, view).await
    }

    async fn deliveries(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, LogError> {
        let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT");
        push_filtered(&mut sql, (workspace, webhook), filter);
        sql.push(" ORDER BY d.position DESC LIMIT ").push_bind(bigint(PageRequest::EXACT_TOTAL) + 1);
        sql.push(") AS counted");
        let counted: i64 = sql.build_query_scalar().fetch_one(&self.pool).await.map_err(log_error)?;

        let mut sql = QueryBuilder::new("SELECT ");
        sql.push(rows::COLUMNS).push(" FROM (SELECT d.*");
        push_filtered(&mut sql, (workspace, webhook), filter);
        let offset = match page.window {
            Window::Number(number) => i64::from(number.saturating_sub(1)) * i64::from(page.size),
            Window::After(Cursor(position)) => {
                sql.push(" AND d.position < ").push_bind(bigint(position));
                0
            }
        };
        sql.push(" ORDER BY d.position DESC LIMIT ").push_bind(i64::from(page.size) + 1);
        sql.push(" OFFSET ").push_bind(offset);
        sql.push(
            ") AS d JOIN webhook_lanes l ON l.workspace_id = d.workspace_id AND l.webhook_id = d.webhook_id \
             AND l.lane = d.lane ORDER BY d.position DESC",
        );
        let mut items = self.all(sql.build(), rows::delivery).await?;
        let is_last = items.len() <= page.size as usize;
        items.truncate(page.size as usize);
        let cursors: Vec<_> = items.iter().map(|delivery| Cursor(delivery.position)).collect();
        let next = cursors.last().copied().filter(|_| !is_last);
        let total = counted.unsigned_abs();
        Ok(Page { items, cursors, total, total_is_estimate: total > PageRequest::EXACT_TOTAL, next })
    }

    async fn delivery(
        &self,
        workspace: WorkspaceId,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, LogError> {
        let sql = format!(
            "SELECT {} FROM webhook_deliveries d JOIN webhook_lanes l USING (workspace_id, webhook_id, lane) \
             WHERE d.workspace_id = $1 AND d.webhook_id = $2 AND d.id = $3",
            rows::COLUMNS
        );
        let query = sqlx::query(&sql).bind(workspace.uuid()).bind(webhook.uuid()).bind(id.uuid());
        Ok(self.all(query, rows::delivery).await?.into_iter().next())
    }

    async fn deliveries_by_id(
        &self,
        workspace: WorkspaceId,
        ids: &[DeliveryId],
    ) -> Result<Vec<Delivery>, LogError> {
        let sql = format!(
            "SELECT {} FROM webhook_deliveries d JOIN webhook_lanes l USING (workspace_id, webhook_id, lane) \
             WHERE d.workspace_id = $1 AND d.id = ANY($2)",
            rows::COLUMNS
        );
        let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        self.all(sqlx::query(&sql).bind(workspace.uuid()).bind(ids), rows::delivery).await
    }

    async fn attempts_of(
        &self,
        workspace: WorkspaceId,
        ids: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, Attempt)>, LogError> {
        let sql = "SELECT asked.id, made.* FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN LATERAL \
                 (SELECT number, at, by_hand, status, error, headers, body, took_ms FROM webhook_attempts \
                     WHERE workspace_id = $1 AND delivery_id = asked.id ORDER BY number DESC LIMIT $3) AS made \
             ORDER BY asked.id, made.number";
        let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        let query = sqlx::query(sql).bind(workspace.uuid()).bind(ids).bind(ATTEMPTS);
        self.all(query, |row| Ok((DeliveryId::new(row.try_get("id")?), rows::attempt(row)?))).await
    }

    async fn attempts(&self, workspace: WorkspaceId, id: DeliveryId) -> Result<Vec<Attempt>, LogError> {
        let sql = "SELECT number, at, by_hand, status, error, headers, body, took_ms FROM webhook_attempts \
             WHERE workspace_id = $1 AND delivery_id = $2 ORDER BY number DESC LIMIT $3";
        let query = sqlx::query(sql).bind(workspace.uuid()).bind(id.uuid()).bind(ATTEMPTS);
        let mut attempts = self.all(query, rows::attempt).await?;
        attempts.reverse();
        Ok(attempts)
    }

    async fn replay_of(&self, workspace: WorkspaceId, job: JobId) -> Result<Option<Replay>, LogError> {
        let sql = "SELECT job_id, position AS replayed, until, failed_only, queued FROM webhook_replays \
             WHERE workspace_id = $1 AND job_id = $2";
        let query = sqlx::query(sql).bind(workspace.uuid()).bind(job.uuid());
        Ok(self.all(query, rows::replay).await?.into_iter().flatten().next())
    }
}
