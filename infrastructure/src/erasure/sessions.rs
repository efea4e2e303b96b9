//! What WhatsApp's sessions know of a customer: ratchets, identities, devices, names, messages in flight.
//!
//! A session holds much of it in memory and writes it again, so the sessions that knew the customer lose their leases
//! first: whatever they still write by right of them is refused. They begin anew from what is stored.

use std::collections::BTreeSet;

use interflow_domain::{InstanceId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event_log::Failure;

/// Whoever ever had a session has a lease, if only one that was given back.
const INSTANCES: &str = "SELECT instance_id FROM leases WHERE workspace_id = $1 ORDER BY instance_id";
const KNOWS: &str = "SELECT EXISTS (SELECT FROM wa_keys WHERE workspace_id = $1 AND instance_id = $2 \
     AND (scope = ANY($3) OR key = ANY($3) OR substring(key FROM 17) = ANY($3)))";
/// Waits for the writes that are under way, which hold the row for share.
const UNLEASE: &str = "UPDATE leases SET epoch = epoch + 1 WHERE workspace_id = $1 AND instance_id = $2";
const FORGET: &str = "DELETE FROM wa_keys WHERE workspace_id = $1 AND instance_id = $2 \
     AND (scope = ANY($3) OR key = ANY($3) OR substring(key FROM 17) = ANY($3))";

/// Forgets the customer in every instance that knows it, at least in those that talked with it. Says how many rows that
/// were.
pub(super) async fn forget(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    talked: &[InstanceId],
    traces: impl Fn(InstanceId) -> Vec<Vec<u8>>,
) -> Result<u64, Failure> {
    let talked: BTreeSet<Uuid> = talked.iter().map(|instance| instance.uuid()).collect();
    let instances: Vec<Uuid> =
        sqlx::query_scalar(INSTANCES).bind(workspace.uuid()).fetch_all(&mut *connection).await?;
    let mut forgotten = 0;
    for instance in instances {
        let traces = traces(InstanceId::new(instance));
        let knows = talked.contains(&instance) || {
            let query = sqlx::query_scalar(KNOWS).bind(workspace.uuid()).bind(instance).bind(&traces);
            query.fetch_one(&mut *connection).await?
        };
        if knows {
            sqlx::query(UNLEASE).bind(workspace.uuid()).bind(instance).execute(&mut *connection).await?;
            let query = sqlx::query(FORGET).bind(workspace.uuid()).bind(instance).bind(&traces);
            forgotten += query.execute(&mut *connection).await?.rows_affected();
        }
    }
    Ok(forgotten)
}
