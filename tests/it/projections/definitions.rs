//! By what definition rows were made, and that a change of it is noticed.

use interflow_domain::WorkspaceId;
use interflow_infrastructure::projections::{Outdated, PROJECTIONS, Projections};
use interflow_infrastructure::read_models;
use sqlx::Executor;
use uuid::Uuid;

use super::{history, written};
use crate::support::database::Database;

/// Of each projection the version of its definition, and a hash of the rows that a fixed history makes.
///
/// Whoever changes what a fold makes of the same events breaks this: then raise the projection's version
/// (infrastructure/src/read_models/definitions.rs), so that servers tell their operators to rebuild, and put in here
/// what the test says. A new column, or another history, changes the hash and needs no other version.
const MADE: [(&str, &str, &str); 7] = [
    ("api_keys", "2", "c1f77a20"),
    ("workspaces", "1", "c47a94e4"),
    ("channels", "1", "a57fa39c"),
    ("customers", "1", "50d2700a"),
    ("conversations", "1", "cc90886d00c3d488"),
    ("jobs", "1", "650d2e56"),
    ("webhooks", "1", "9b5d8cf2"),
];

#[tokio::test]
async fn what_a_definition_makes_changes_only_with_its_version() {
    let database = Database::new().await;
    let workspace = WorkspaceId::new(Uuid::from_u128(u128::MAX));
    let mut connection = database.pool.acquire().await.unwrap();
    read_models::apply(&mut connection, workspace, 1, &history(1_000)).await.unwrap();
    let mut made = vec![];
    for projection in PROJECTIONS {
        let version = "SELECT split_part(definitions->>$1, '-', 1) FROM generations";
        let version: String =
            sqlx::query_scalar(version).bind(projection.name).fetch_one(&mut *connection).await.unwrap();
        let mut hashes = String::new();
        for table in projection.tables {
            let sql =
                format!("SELECT md5(string_agg(to_json(entry)::text, '' ORDER BY id)) FROM {table} AS entry");
            hashes += &sqlx::query_scalar::<_, String>(&sql).fetch_one(&mut *connection).await.unwrap()[..8];
        }
        made.push((projection.name, version, hashes));
    }
    let made: Vec<_> =
        made.iter().map(|(name, version, hashes)| (*name, version.as_str(), hashes.as_str())).collect();
    assert_eq!(made, MADE);
}

#[tokio::test]
async fn a_changed_definition_is_noticed_until_the_rows_are_made_again() {
    let fixture = written().await;
    let projections = Projections::new(&fixture.log);
    assert_eq!(projections.outdated().await.unwrap(), []);

    let older = "UPDATE generations SET definitions = jsonb_set(definitions, '{channels}', '\"0-\"')";
    fixture.pool.execute(older).await.unwrap();
    let outdated = |projection| Outdated { projection, workspaces: 1 };
    assert_eq!(projections.outdated().await.unwrap(), [outdated("channels")]);
    let status = &projections.list(Some(fixture.workspace)).await.unwrap()[0];
    let current: Vec<_> = status.projections.iter().map(|one| (one.name, one.current)).collect();
    let expected = [
        ("api_keys", true),
        ("workspaces", true),
        ("channels", false),
        ("customers", true),
        ("conversations", true),
        ("jobs", true),
        ("webhooks", true),
    ];
    assert_eq!(current, expected);
    projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
    assert_eq!(projections.outdated().await.unwrap(), []);

    // A migration brings a column that only a rebuild can fill.
    fixture.pool.execute("ALTER TABLE messages ADD COLUMN language text").await.unwrap();
    assert_eq!(projections.outdated().await.unwrap(), [outdated("conversations")]);
    projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
    assert_eq!(projections.outdated().await.unwrap(), []);
    // Rows of before definitions were recorded.
    fixture.pool.execute("DELETE FROM generations").await.unwrap();
    assert_eq!(projections.outdated().await.unwrap(), PROJECTIONS.map(|one| outdated(one.name)));
    projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
    assert_eq!(projections.outdated().await.unwrap(), []);
}
