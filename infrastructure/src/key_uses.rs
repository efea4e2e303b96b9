//! When keys were last shown: a row a key, outside of the log and of the read models.

use async_trait::async_trait;
use interflow_application::key_uses::{KeyUse, KeyUseStore};
use interflow_application::log::LogError;
use sqlx::PgPool;

use crate::event_log::log_error;

/// In the order of the key, so that two servers that note the same keys wait for each other and never in a circle.
const NOTE: &str = "INSERT INTO key_uses (workspace_id, key_id, last_used_at) \
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) ORDER BY 1, 2 \
     ON CONFLICT (workspace_id, key_id) DO UPDATE SET last_used_at = excluded.last_used_at \
     WHERE key_uses.last_used_at < excluded.last_used_at";

/// [`KeyUseStore`] on Postgres.
#[derive(Debug, Clone)]
pub struct PgKeyUses {
    pool: PgPool,
}

impl PgKeyUses {
    /// The store in this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl KeyUseStore for PgKeyUses {
    async fn note(&self, uses: &[KeyUse]) -> Result<(), LogError> {
        let query = sqlx::query(NOTE)
            .bind(uses.iter().map(|one| one.workspace.uuid()).collect::<Vec<_>>())
            .bind(uses.iter().map(|one| one.key.uuid()).collect::<Vec<_>>())
            .bind(uses.iter().map(|one| one.at).collect::<Vec<_>>());
        query.execute(&self.pool).await.map(drop).map_err(log_error)
    }
}
