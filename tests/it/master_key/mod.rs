//! A database is given to another master key: all of it opens with the new one, and nothing with the old one.

mod broken_off;
mod by_hand;

use std::path::Path;
use std::process::{Command, Output};

use interflow_application::Ids as _;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemIds;
use interflow_vault::{MasterKey, RootKeys};
use sqlx::{ConnectOptions as _, PgPool};

use crate::support::lab::built;
use crate::webhook::{Build, Node};

const NEW: &str = "2929292929292929292929292929292929292929292929292929292929292929";

/// A database from before there were root keys, with so many customers.
async fn used(customers: usize) -> Node {
    let node = Build::new().await.node(WorkspaceId::new(SystemIds.next()));
    for _ in 0..customers.div_ceil(500) {
        node.customers(customers.min(500)).await;
    }
    node
}

/// `interflow master-key rotate` on a database of its own, with the keys in the environment.
fn rotate(node: &Node, data: &Path, present: &str, new: &str) -> Command {
    let mut command = Command::new(built("interflow"));
    command
        .args(["master-key", "rotate", "--data-dir", data.to_str().unwrap()])
        .env("DATABASE_URL", node.database.options.to_url_lossy().as_str())
        .env("INTERFLOW_MASTER_KEY", present)
        .env("INTERFLOW_NEW_MASTER_KEY", new)
        .env("INTERFLOW_LEASE_EXPIRY", "1s");
    command
}

/// What it said, when it went as wanted.
fn said(output: &Output, well: bool) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.success(), well, "{text}");
    text
}

fn key(text: &str) -> MasterKey {
    MasterKey::parse(text).unwrap()
}

/// How many data keys there are, and how many of them the keys open that were derived from a master key before there were
/// root keys.
async fn data_keys(pool: &PgPool, master: &MasterKey) -> (usize, usize) {
    let sql =
        "SELECT workspace_id, key_id, subject, month::text, wrapped FROM data_keys WHERE wrapped IS NOT NULL";
    let rows: Vec<(uuid::Uuid, uuid::Uuid, String, String, Vec<u8>)> =
        sqlx::query_as(sql).fetch_all(pool).await.unwrap();
    let wrapping = RootKeys::from(master).sealing("interflow data keys");
    let opens = rows.iter().filter(|(workspace, id, subject, month, wrapped)| {
        let place =
            [workspace.as_bytes(), id.as_bytes().as_slice(), subject.as_bytes(), month.as_bytes()].concat();
        wrapping.open(&place, wrapped).is_ok()
    });
    (rows.len(), opens.count())
}
