//! Writes to several tables as one statement, and so in one round trip.
//!
//! Each write is a data-modifying CTE. Postgres carries all of them out on one snapshot and in no promised order, so
//! no two may touch the same row, and none sees what another wrote.

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, Encode, PgConnection, Postgres, Type};

/// Stands in every write where the condition goes that all of them share.
const CONDITION: &str = "{held}";

/// Writes to several tables.
#[derive(Default)]
pub(crate) struct Batch {
    sql: String,
    arguments: PgArguments,
    condition: Option<&'static str>,
    failed: Option<BoxDynError>,
}

impl Batch {
    /// Writes that are carried out only if the part of this name, a query, has a row.
    pub(crate) fn only_if(part: &'static str) -> Self {
        Self { condition: Some(part), ..Self::default() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    /// Adds a part, whose parameters are numbered from 1, and are to be bound next.
    pub(crate) fn part(&mut self, name: &str, sql: &str) -> &mut Self {
        let condition = self.condition.map(|part| format!("EXISTS (SELECT FROM {part})"));
        let sql = sql.replace(CONDITION, condition.as_deref().unwrap_or("true"));
        self.sql.push_str(if self.sql.is_empty() { "WITH " } else { ", " });
        self.sql.push_str(name);
        self.sql.push_str(" AS (");
        self.push_renumbered(&sql);
        self.sql.push(')');
        self
    }

    fn push_renumbered(&mut self, sql: &str) {
        let before = self.arguments.len();
        let mut pieces = sql.split('$');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_digit()).unwrap_or(piece.len());
            let (number, rest) = piece.split_at(end);
            let number: usize = number.parse().unwrap_or_default();
            self.sql.push('$');
            self.sql.push_str(&(before + number).to_string());
            self.sql.push_str(rest);
        }
    }

    /// Binds the next parameter of the part that was added last.
    pub(crate) fn bind<'q, T: Encode<'q, Postgres> + Type<Postgres> + 'q>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.arguments.add(value) {
            self.failed.get_or_insert(error);
        }
        self
    }

    /// Carries it out, and gives what this query over the parts counts.
    pub(crate) async fn run(
        mut self,
        connection: &mut PgConnection,
        count: &str,
    ) -> Result<i64, sqlx::Error> {
        if let Some(error) = self.failed {
            return Err(sqlx::Error::Encode(error));
        }
        self.sql.push(' ');
        self.sql.push_str(count);
        sqlx::query_scalar_with(&self.sql, self.arguments).fetch_one(connection).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_on_and_share_their_condition() {
        let mut batch = Batch::only_if("held");
        batch.part("held", "SELECT $1").bind(1_i64);
        batch.part("written", "INSERT INTO t SELECT $2, $1 WHERE {held}").bind(2_i64).bind("three");
        assert_eq!(
            batch.sql,
            "WITH held AS (SELECT $1), written AS (INSERT INTO t SELECT $3, $2 WHERE EXISTS (SELECT FROM held))"
        );
        let mut always = Batch::default();
        always.part("written", "DELETE FROM t WHERE {held}");
        assert_eq!(always.sql, "WITH written AS (DELETE FROM t WHERE true)");
    }
}
