//! Who did what, when, because of what; and who has seen it.

mod bench;
mod circumstances;
mod events;
mod forgetting;
mod plans;
mod reads;
mod trails;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rest::server::Server;

/// An event as it lies in the log.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: String,
    pub kind: String,
    pub metadata: BTreeMap<String, String>,
}

/// The log of the first workspace, in order.
pub async fn log(server: &Server) -> Vec<Stored> {
    let rows: Vec<(uuid::Uuid, String, Value)> = sqlx::query_as(
        "SELECT e.event_id, e.event_type, e.metadata::jsonb FROM events e WHERE e.workspace_id = $1 ORDER BY e.position",
    )
    .bind(interflow_application::home_workspace().uuid())
    .fetch_all(&server.pool().await)
    .await
    .unwrap();
    let stored = |(id, kind, metadata)| {
        let id = interflow_domain::EventId::new(id).to_string();
        Stored { id, kind, metadata: serde_json::from_value(metadata).unwrap() }
    };
    rows.into_iter().map(stored).collect()
}

/// The one event of a type.
pub fn only<'a>(log: &'a [Stored], kind: &str) -> &'a Stored {
    let found: Vec<_> = log.iter().filter(|event| event.kind == kind).collect();
    assert_eq!(found.len(), 1, "{kind}: {found:?}");
    found[0]
}
