//! Counting requests against the quotas of workspaces. The rule itself is the function `count_request` of the schema:
//! one statement a request, under the lock of the workspace's window.

use std::time::Duration;

use async_trait::async_trait;
use interflow_application::limits::{Limiter, Standing};
use interflow_application::log::LogError;
use interflow_domain::{KeyId, WorkspaceId};
use sqlx::PgPool;

use crate::event_log::log_error;

/// [`Limiter`] on Postgres.
#[derive(Debug, Clone)]
pub struct PgLimiter {
    pool: PgPool,
}

/// Where the key stands after the last of them. `OFFSET` keeps the function from being called once for each column.
const COUNT: &str = "SELECT (standing).admitted, (standing).remaining, (standing).resets_in \
     FROM (SELECT number, count_request($1, $2, $3) AS standing FROM generate_series(1, $4) AS number OFFSET 0) AS counted \
     ORDER BY number DESC LIMIT 1";

impl PgLimiter {
    /// A limiter on this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Limiter for PgLimiter {
    async fn count(
        &self,
        workspace: WorkspaceId,
        key: KeyId,
        quota: u32,
        requests: u32,
    ) -> Result<Standing, LogError> {
        let (admitted, remaining, resets_in): (bool, i32, f64) = sqlx::query_as(COUNT)
            .bind(workspace.uuid())
            .bind(key.uuid())
            .bind(i32::try_from(quota).unwrap_or(i32::MAX))
            .bind(i32::try_from(requests).unwrap_or(i32::MAX))
            .fetch_one(&self.pool)
            .await
            .map_err(log_error)?;
        Ok(Standing {
            admitted,
            remaining: remaining.unsigned_abs(),
            resets_in: Duration::try_from_secs_f64(resets_in).unwrap_or_default(),
        })
    }
}
