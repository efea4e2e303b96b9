//! Which projections there are, and by what definition each makes its rows.
//!
//! A definition is the version of the projection's rules and a hash of its tables' columns as the database has them.
//! The one that made a generation is recorded with the generation's first event; where it is not today's, the rows
//! are to be made again.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::types::Json;

use super::table::Scope;

/// Read models that are folded together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    /// What operators call it.
    pub name: &'static str,
    /// Its tables. Each has the key (workspace_id, generation, id).
    pub tables: &'static [&'static str],
    /// The version of its rules. Whoever changes what a `fold` makes of the same events raises it; a change of columns
    /// is noticed without.
    version: i32,
}

/// Every projection there is.
pub const PROJECTIONS: [Projection; 7] = [
    Projection { name: "api_keys", tables: &["api_keys"], version: 2 },
    Projection { name: "workspaces", tables: &["workspaces"], version: 1 },
    Projection { name: "channels", tables: &["channels"], version: 1 },
    Projection { name: "customers", tables: &["customers"], version: 1 },
    Projection { name: "conversations", tables: &["chats", "messages"], version: 1 },
    Projection { name: "jobs", tables: &["jobs"], version: 1 },
    Projection { name: "webhooks", tables: &["webhooks"], version: 1 },
];

/// The definitions by which rows were made, by the projections' names.
pub(crate) type Definitions = Json<BTreeMap<String, String>>;

/// Today's, from the schema as it is; an object of jsonb.
const TODAY: &str = "SELECT jsonb_object_agg(name, definition) FROM ( \
         SELECT p.name, p.version || '-' || left(md5(string_agg( \
             concat_ws(' ', p.relation, a.attname, format_type(a.atttypid, a.atttypmod)), ',' ORDER BY p.relation, a.attname)), 16) \
             AS definition \
         FROM unnest($1::text[], $2::int[], $3::text[]) AS p(name, version, relation) \
         JOIN pg_attribute a ON a.attrelid = p.relation::regclass AND a.attnum > 0 AND NOT a.attisdropped \
         GROUP BY p.name, p.version) AS today";

/// By what definitions this build makes rows.
pub(crate) async fn today(connection: &mut PgConnection) -> Result<Definitions, sqlx::Error> {
    let (mut names, mut versions, mut tables) = (vec![], vec![], vec![]);
    for projection in PROJECTIONS {
        for table in projection.tables {
            names.push(projection.name);
            versions.push(projection.version);
            tables.push(*table);
        }
    }
    sqlx::query_scalar(TODAY).bind(names).bind(versions).bind(tables).fetch_one(connection).await
}

/// Records that this build makes the rows of a generation; one that is filled aside is recorded already.
pub(super) async fn record(connection: &mut PgConnection, scope: Scope<'_>) -> Result<(), sqlx::Error> {
    let today = today(connection).await?;
    let sql = "INSERT INTO generations (workspace_id, generation, state, definitions) \
         VALUES ($1, $2, 'live', $3) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(scope.workspace).bind(scope.generation).bind(today);
    query.execute(connection).await.map(drop)
}
