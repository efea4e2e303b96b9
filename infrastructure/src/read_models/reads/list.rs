//! Pages of a list, newest first: by number with an offset, by cursor from the position it names.

use interflow_application::log::LogError;
use interflow_application::read::{Cursor, Page, PageRequest, Window};
use interflow_domain::WorkspaceId;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::event_log::log_error;
use crate::read_models::columns::{bigint, count};

/// A list that can be paged through.
pub(super) struct List {
    pub(super) table: &'static str,
    pub(super) columns: &'static str,
    /// The position it is sorted by, among the columns.
    pub(super) position: &'static str,
    /// A column and the id it must hold.
    pub(super) within: Option<(&'static str, Uuid)>,
}

impl List {
    /// The page and the total come from one statement, so they are of one snapshot.
    pub(super) async fn page<T>(
        &self,
        pool: &PgPool,
        workspace: WorkspaceId,
        request: PageRequest,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Page<T>, LogError> {
        let (before, offset) = match request.window {
            Window::Number(number) => {
                (i64::MAX, i64::from(number.saturating_sub(1)) * i64::from(request.size))
            }
            Window::After(Cursor(position)) => (bigint(position), 0),
        };
        let sql = self.page_sql();
        let query = sqlx::query(&sql)
            .bind(workspace.uuid())
            .bind(before)
            .bind(i64::from(request.size) + 1)
            .bind(offset)
            .bind(bigint(PageRequest::EXACT_TOTAL) + 1);
        let query = match self.within {
            Some((_, id)) => query.bind(id),
            None => query,
        };
        let rows = query.fetch_all(pool).await.map_err(log_error)?;
        let counted = rows.first().map_or(Ok(0), |row| count(row, "total")).map_err(log_error)?;
        let (items, cursors) = self.items(&rows, request.size, decode).map_err(log_error)?;
        let next = cursors.last().copied().filter(|_| rows.len() > request.size as usize);
        let total_is_estimate = counted > PageRequest::EXACT_TOTAL;
        let total =
            if total_is_estimate { self.estimate(pool, workspace).await?.max(counted) } else { counted };
        Ok(Page { items, cursors, total, total_is_estimate, next })
    }

    /// One entry more than the page has was asked for, to know whether there is a next page. An empty page is one row
    /// that holds nothing but the total.
    fn items<T>(
        &self,
        rows: &[PgRow],
        size: u32,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<(Vec<T>, Vec<Cursor>), sqlx::Error> {
        let (mut items, mut cursors) = (vec![], vec![]);
        for row in rows.iter().take(size as usize) {
            if row.try_get::<Option<i64>, _>(self.position)?.is_none() {
                break;
            }
            items.push(decode(row)?);
            cursors.push(Cursor(count(row, self.position)?));
        }
        Ok((items, cursors))
    }

    /// Also the count is ordered: that keeps it on the index, where it costs the same however large the table is.
    fn page_sql(&self) -> String {
        let Self { table, columns, position, .. } = self;
        let whose = self.whose(6);
        format!(
            "WITH page AS (SELECT {columns} FROM {table} WHERE {whose} AND {position} < $2 \
                 ORDER BY {position} DESC LIMIT $3 OFFSET $4), \
             counted AS (SELECT count(*) AS total FROM \
                 (SELECT FROM {table} WHERE {whose} ORDER BY {position} DESC LIMIT $5) AS entry) \
             SELECT counted.total, page.* FROM counted LEFT JOIN page ON true ORDER BY page.{position} DESC"
        )
    }

    /// What belongs to the list, in the generation that the workspace's head names.
    fn whose(&self, parameter: u8) -> String {
        let within =
            self.within.map_or_else(String::new, |(column, _)| format!(" AND {column} = ${parameter}"));
        format!(
            "workspace_id = $1 AND generation = (SELECT generation FROM heads WHERE workspace_id = $1){within}"
        )
    }

    /// How many entries the planner expects. It plans with the values, so it knows a large workspace from a small.
    async fn estimate(&self, pool: &PgPool, workspace: WorkspaceId) -> Result<u64, LogError> {
        let sql = format!("EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE {}", self.table, self.whose(2));
        let query = sqlx::query_scalar(&sql).bind(workspace.uuid());
        let query = match self.within {
            Some((_, id)) => query.bind(id),
            None => query,
        };
        let plan: Value = query.fetch_one(pool).await.map_err(log_error)?;
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_f64);
        // A plan is never of so many rows that the conversion, which saturates, matters.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let rows = rows.map(|rows| rows as u64);
        rows.ok_or_else(|| LogError::Corrupt("a plan without a number of rows".to_owned()))
    }
}
