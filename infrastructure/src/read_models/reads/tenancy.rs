//! Questions about keys and workspaces. What a secret opens, and which workspaces there are, is asked of all of them.

use interflow_application::log::LogError;
use interflow_application::read::{ApiKey, Credential, Cursor, Page, PageRequest, Window, Workspace};
use interflow_domain::workspace::MessageRetention;
use interflow_domain::{KeyId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::PgReads;
use super::list::List;
use crate::event_log::log_error;
use crate::read_models::columns::{bigint, count, named, parse, storable};
use crate::read_models::{api_keys, workspaces};

/// A workspace whose row an older build did not make is one of a time without bounds. Of two workspaces that know the
/// same secret, which an operator may have chosen, the one where it is older is opened.
const CREDENTIAL: &str = "SELECT k.workspace_id, k.id, k.scopes, \
         CASE WHEN k.secret_sha256 = $1 THEN k.expires_at ELSE least(k.expires_at, k.previous_until) END AS expires_at, \
         coalesce(w.plan, 'unlimited') AS plan, coalesce(w.status = 'suspended', false) AS suspended \
     FROM api_keys k LEFT JOIN workspaces w \
         ON w.workspace_id = k.workspace_id AND w.generation = k.generation AND w.id = k.workspace_id \
     WHERE (k.secret_sha256 = $1 OR k.previous_secret_sha256 = $1) \
         AND k.generation = (SELECT h.generation FROM heads h WHERE h.workspace_id = k.workspace_id) \
     ORDER BY (k.secret_sha256 = $1) DESC, k.created_at LIMIT 1";

pub(super) async fn credential(reads: &PgReads, secret_sha256: &str) -> Result<Option<Credential>, LogError> {
    let decode = |row: &PgRow| {
        let scopes: Vec<String> = row.try_get("scopes")?;
        Ok(Credential {
            key: KeyId::new(row.try_get("id")?),
            workspace: WorkspaceId::new(row.try_get("workspace_id")?),
            scopes: scopes.iter().map(|scope| parse("scopes", scope)).collect::<Result<_, _>>()?,
            expires_at: row.try_get("expires_at")?,
            plan: named(row, "plan")?,
            suspended: row.try_get("suspended")?,
        })
    };
    let found = reads.all(sqlx::query(CREDENTIAL).bind(&*storable(secret_sha256)), decode).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn api_key(
    reads: &PgReads,
    workspace: WorkspaceId,
    id: KeyId,
) -> Result<Option<ApiKey>, LogError> {
    reads.one((api_keys::TABLE, api_keys::COLUMNS_WITH_USE), workspace, id.uuid(), key_with_use).await
}

pub(super) async fn api_keys(
    reads: &PgReads,
    workspace: WorkspaceId,
    page: PageRequest,
) -> Result<Page<ApiKey>, LogError> {
    let (table, columns) = (api_keys::TABLE, api_keys::COLUMNS_WITH_USE);
    let list = List { table, columns, position: "created_position", within: None };
    list.page(&reads.pool, workspace, page, key_with_use).await
}

fn key_with_use(row: &PgRow) -> Result<ApiKey, sqlx::Error> {
    let last_used_at = row.try_get("last_used_at")?;
    Ok(ApiKey { last_used_at, ..api_keys::decode(row)?.view })
}

pub(super) async fn workspace(reads: &PgReads, id: WorkspaceId) -> Result<Option<Workspace>, LogError> {
    reads.one((workspaces::TABLE, workspaces::COLUMNS), id, id.uuid(), decode_workspace).await
}

fn decode_workspace(row: &PgRow) -> Result<Workspace, sqlx::Error> {
    workspaces::decode(row).map(|row| row.view)
}

/// Every workspace's row is read: there are few, and it is done once an hour.
pub(super) async fn retentions(reads: &PgReads) -> Result<Vec<(WorkspaceId, MessageRetention)>, LogError> {
    let sql = "SELECT w.id, w.message_retention_days FROM workspaces w JOIN heads USING (workspace_id, generation) \
         WHERE w.message_retention_days IS NOT NULL ORDER BY w.id";
    let decode = |row: &PgRow| Ok((WorkspaceId::new(row.try_get("id")?), workspaces::retention(row)?));
    let found = reads.all(sqlx::query(sql), decode).await?;
    Ok(found.into_iter().filter_map(|(id, retention)| Some((id, retention?))).collect())
}

/// Of more than [`PageRequest::EXACT_TOTAL`] workspaces the total says that they are more.
pub(super) async fn workspaces(reads: &PgReads, request: PageRequest) -> Result<Page<Workspace>, LogError> {
    let (before, offset) = match request.window {
        Window::Number(number) => (i64::MAX, i64::from(number.saturating_sub(1)) * i64::from(request.size)),
        Window::After(Cursor(order)) => (bigint(order), 0),
    };
    let live =
        "generation = (SELECT h.generation FROM heads h WHERE h.workspace_id = workspaces.workspace_id)";
    let sql = format!(
        "WITH page AS (SELECT {columns} FROM workspaces WHERE {live} AND creation_order < $1 \
             ORDER BY creation_order DESC LIMIT $2 OFFSET $3), \
         counted AS (SELECT count(*) AS total FROM \
             (SELECT FROM workspaces WHERE {live} ORDER BY creation_order DESC LIMIT $4) AS entry) \
         SELECT counted.total, page.* FROM counted LEFT JOIN page ON true ORDER BY page.creation_order DESC",
        columns = workspaces::COLUMNS
    );
    let query = sqlx::query(&sql)
        .bind(before)
        .bind(i64::from(request.size) + 1)
        .bind(offset)
        .bind(bigint(PageRequest::EXACT_TOTAL) + 1);
    let rows = query.fetch_all(&reads.pool).await.map_err(log_error)?;
    let mut page = Page { items: vec![], cursors: vec![], total: 0, total_is_estimate: false, next: None };
    for row in &rows {
        page.total = count(row, "total").map_err(log_error)?;
        if row.try_get::<Option<i64>, _>("creation_order").map_err(log_error)?.is_none() {
            break;
        }
        if page.items.len() == request.size as usize {
            page.next = page.cursors.last().copied();
            break;
        }
        page.cursors.push(Cursor(count(row, "creation_order").map_err(log_error)?));
        page.items.push(decode_workspace(row).map_err(log_error)?);
    }
    page.total_is_estimate = page.total > PageRequest::EXACT_TOTAL;
    Ok(page)
}
