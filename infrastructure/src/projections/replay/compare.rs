//! Comparing what a replay made with the rows that serve.

use std::cmp::Ordering;

use futures::TryStreamExt;
use futures::stream::BoxStream;
use serde_json::{Map, Value};
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::export::{BEGIN, begin, rows_sql};
use super::target::Target;
use super::{HEAD, Outcome};
use crate::projections::filling::Head;
use crate::projections::{Difference, Fault, PROJECTIONS, Projections, ProjectionsError, Watch};

/// What was compared.
pub(super) struct Compared {
    /// The last event at the moment of which it was.
    pub(super) position: u64,
    pub(super) differences: u64,
}

/// Compares in one snapshot of the rows that serve. Up to its moment the target is filled first: what is written while
/// that goes on does not count.
pub(super) async fn with_serving(
    projections: &Projections,
    target: &Target,
    watch: Watch<'_>,
    found: &mut (dyn FnMut(Difference) + Send),
) -> Result<Outcome<Compared>, ProjectionsError> {
    // Not of the pool: others are taken from it while the snapshot is kept.
    let mut serving = projections.pool().acquire().await?.detach();
    let mut serving = serving.begin_with(BEGIN).await?;
    let head: Option<Head> =
        sqlx::query_as(HEAD).bind(target.workspace.uuid()).fetch_optional(&mut *serving).await?;
    let head = head.ok_or(ProjectionsError::NoWorkspace(target.workspace))?;
    let position = head.position.unsigned_abs();
    if let Outcome::Stale = projections.fill_up_to(target, position, watch).await? {
        return Ok(Outcome::Stale);
    }
    let mut made = begin(&target.pool).await?;
    let mut differences = 0;
    for projection in PROJECTIONS {
        for table in projection.tables.iter().copied() {
            let mut tell = |id, fault| {
                differences += 1;
                found(Difference { projection: projection.name, table, id, fault });
            };
            let sides = [(&mut *serving, head.generation), (&mut *made, target.generation)];
            of_table(target.workspace.uuid(), table, sides, &mut tell).await?;
        }
    }
    made.rollback().await?;
    serving.rollback().await?;
    Ok(Outcome::Done(Compared { position, differences }))
}

/// Walks along both sides by id.
async fn of_table(
    workspace: Uuid,
    table: &str,
    [(serving, live), (made, generation)]: [(&mut PgConnection, i32); 2],
    tell: &mut (dyn FnMut(Uuid, Fault) + Send),
) -> Result<(), ProjectionsError> {
    let (there, new) = (rows_sql(serving, table).await?, rows_sql(made, table).await?);
    let mut there: BoxStream<'_, _> = sqlx::query(&there).bind(workspace).bind(live).fetch(serving);
    let mut new: BoxStream<'_, _> = sqlx::query(&new).bind(workspace).bind(generation).fetch(made);
    let (mut one, mut other) = (next(&mut there).await?, next(&mut new).await?);
    loop {
        let order = match (&one, &other) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((serves, _)), Some((made, _))) => serves.cmp(made),
        };
        match (order, &one, &other) {
            (Ordering::Less, Some((id, _)), _) => tell(*id, Fault::Superfluous),
            (Ordering::Greater, _, Some((id, _))) => tell(*id, Fault::Missing),
            (Ordering::Equal, Some((id, serves)), Some((_, made))) if serves != made => {
                tell(*id, Fault::Differs(differing(serves, made)));
            }
            _ => {}
        }
        if order.is_le() {
            one = next(&mut there).await?;
        }
        if order.is_ge() {
            other = next(&mut new).await?;
        }
    }
}

async fn next(
    rows: &mut BoxStream<'_, Result<PgRow, sqlx::Error>>,
) -> Result<Option<(Uuid, String)>, ProjectionsError> {
    let Some(row) = rows.try_next().await? else { return Ok(None) };
    Ok(Some((row.try_get("id")?, row.try_get("entry")?)))
}

/// The columns that hold something else.
fn differing(serves: &str, made: &str) -> Vec<String> {
    let read = |text| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (serves, made) = (read(serves), read(made));
    let names = serves.keys().chain(made.keys().filter(|name| !serves.contains_key(*name)));
    names.filter(|name| serves.get(*name) != made.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_differ_are_named() {
        let (one, other) = (r#"{"a":1,"b":null,"c":"x"}"#, r#"{"a":2,"b":null,"d":"x"}"#);
        assert_eq!(differing(one, other), ["a", "c", "d"]);
    }
}
