//! What receivers answered to deliveries about what is being forgotten goes, and what they answer later is not kept.

use interflow_application::log::StreamId;
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;
use uuid::Uuid;

/// Whoever changes deliveries of an endpoint locks this row first.
const LOCK_CURSORS: &str =
    "SELECT webhook_id FROM webhook_cursors WHERE workspace_id = $1 ORDER BY webhook_id FOR UPDATE";
const DELIVERIES: &str = "UPDATE webhook_deliveries d SET forgotten = true \
     FROM (SELECT e.position FROM unnest($3::text[], $4::text[]) AS s(type, id) \
         JOIN events e ON e.workspace_id = $1 AND e.aggregate_type = s.type AND e.aggregate_id = s.id) AS about, \
         unnest($2::uuid[]) AS endpoint(id) \
     WHERE d.workspace_id = $1 AND d.webhook_id = endpoint.id AND d.position = about.position RETURNING d.id";
const ATTEMPTS: &str = "UPDATE webhook_attempts SET headers = '[]', body = '' \
     WHERE workspace_id = $1 AND delivery_id = ANY($2) AND (body <> '' OR headers::text <> '[]')";

/// Forgets the answers to deliveries of these streams' events, in a transaction that has the head locked. Says how many
/// attempts that were.
pub(crate) async fn forget(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    streams: &[StreamId],
) -> Result<u64, sqlx::Error> {
    let workspace = workspace.uuid();
    let endpoints: Vec<Uuid> =
        sqlx::query_scalar(LOCK_CURSORS).bind(workspace).fetch_all(&mut *connection).await?;
    let deliveries: Vec<Uuid> = sqlx::query_scalar(DELIVERIES)
        .bind(workspace)
        .bind(endpoints)
        .bind(streams.iter().map(|stream| stream.aggregate_type()).collect::<Vec<_>>())
        .bind(streams.iter().map(|stream| stream.aggregate_id()).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
    let query = sqlx::query(ATTEMPTS).bind(workspace).bind(deliveries);
    Ok(query.execute(connection).await?.rows_affected())
}
