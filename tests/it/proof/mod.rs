//! The proof of the log: that the tree is the one of RFC 6962 over what is stored, whoever seals it and whatever dies
//! meanwhile, and that what is served proves it.

mod anchors;
mod bundles;
pub mod command;
mod keys;
mod sealing;
mod serving;
mod tampering;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use interflow_application::Core;
use interflow_application::proof::{Checkpoint, Hash, Leaf, Note, Verifier};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::read_models::PgReads;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::event_log::fixture::Fixture;

/// What runs use cases on a log.
fn core(fixture: &Fixture) -> Core {
    Core {
        log: Arc::new(fixture.log.clone()),
        reads: Arc::new(PgReads::new(fixture.pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

/// Every event of a log as its leaf must be, hashed here and not by the database.
async fn stored(pool: &PgPool, workspace: WorkspaceId) -> Vec<Leaf> {
    let sql = "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, timestamp, \
               metadata::text, payload::text FROM events WHERE workspace_id = $1 ORDER BY position";
    let rows = sqlx::query(sql).bind(workspace.uuid()).fetch_all(pool).await.unwrap();
    let leaf = |row: sqlx::postgres::PgRow| Leaf {
        workspace: workspace.uuid(),
        position: row.get::<i64, _>(0).unsigned_abs(),
        event: row.get::<Uuid, _>(1),
        aggregate_type: row.get(2),
        aggregate_id: row.get(3),
        sequence: row.get::<i64, _>(4).unsigned_abs(),
        event_type: row.get(5),
        event_version: row.get(6),
        recorded_at: row.get::<DateTime<Utc>, _>(7),
        metadata: Hash::of(row.get::<String, _>(8).as_bytes()),
        payload: Hash::of(row.get::<String, _>(9).as_bytes()),
    };
    rows.into_iter().map(leaf).collect()
}

/// The root by the definition of RFC 6962.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(root_of(left), root_of(right))
        }
    }
}

fn hashes(leaves: &[Leaf]) -> Vec<Hash> {
    leaves.iter().map(Leaf::hash).collect()
}

/// What a note says, once every one of these keys has signed it.
fn opened(note: &str, keys: &[Verifier]) -> Checkpoint {
    let note: Note = note.parse().unwrap();
    assert_eq!(note.verified_by(keys).len(), keys.len(), "{note:?}");
    note.text().parse().unwrap()
}
