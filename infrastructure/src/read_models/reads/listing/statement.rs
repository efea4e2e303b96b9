//! The statements of a list.

use chrono::{DateTime, Utc};
use interflow_application::read::Mark;
use interflow_domain::WorkspaceId;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Begin, Gathered, Order, Query, TRIED};
use crate::read_models::columns::bigint;

/// A condition on a row.
#[derive(Debug, Clone)]
pub(in crate::read_models) struct Condition {
    /// `?` stands for an argument.
    sql: String,
    arguments: Vec<Argument>,
}

/// An argument of a condition.
#[derive(Debug, Clone)]
pub(in crate::read_models) enum Argument {
    Id(Uuid),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
    Time(DateTime<Utc>),
}

impl Condition {
    pub(in crate::read_models) fn new(sql: impl Into<String>, arguments: Vec<Argument>) -> Self {
        Self { sql: sql.into(), arguments }
    }

    /// A condition with one argument.
    pub(in crate::read_models) fn of(sql: impl Into<String>, argument: Argument) -> Self {
        Self::new(sql, vec![argument])
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.sql = format!("{} AND {}", self.sql, other.sql);
        self.arguments.extend(other.arguments);
        self
    }

    fn push(&self, statement: &mut QueryBuilder<'_, Postgres>) {
        let mut pieces = self.sql.split('?');
        statement.push(pieces.next().unwrap_or_default());
        for (piece, argument) in pieces.zip(&self.arguments) {
            match argument.clone() {
                Argument::Id(value) => statement.push_bind(value),
                Argument::Number(value) => statement.push_bind(value),
                Argument::Text(value) => statement.push_bind(value),
                Argument::Texts(value) => statement.push_bind(value),
                Argument::Time(value) => statement.push_bind(value),
            };
            statement.push(piece);
        }
    }
}

type Statement = QueryBuilder<'static, Postgres>;

impl Query {
    /// The rows of a page, in order, and one more.
    pub(super) fn page_statement(&self, workspace: WorkspaceId, begin: &Begin<'_>) -> Statement {
        let Self { columns, order: Order { value, position, .. }, .. } = self;
        let shown = format!("{columns}, {value} AS sort_value, {position} AS sort_position");
        let mut statement = QueryBuilder::new("");
        if self.tried.is_empty() {
            statement.push(format!("SELECT {shown} FROM "));
            self.push_range(&mut statement, workspace, begin);
        } else {
            statement.push(format!("SELECT * FROM (SELECT {shown}, "));
            self.push_fits(&mut statement);
            statement.push(" AS fits FROM ");
            self.push_range(&mut statement, workspace, begin);
            statement.push(" LIMIT ").push_bind(bigint(TRIED));
            let direction = self.order.direction();
            statement.push(format!(
                ") AS tried WHERE fits ORDER BY sort_value {direction}, sort_position {direction}"
            ));
        }
        push_limit(&mut statement, begin);
        statement
    }

    /// The last row that was tried, if there may be more behind it.
    pub(super) fn edge_statement(&self, workspace: WorkspaceId, begin: &Begin<'_>) -> Statement {
        let Order { value, position, .. } = &self.order;
        let mut statement =
            QueryBuilder::new(format!("SELECT {value} AS sort_value, {position} AS sort_position FROM "));
        self.push_range(&mut statement, workspace, begin);
        statement.push(" LIMIT 1 OFFSET ").push_bind(bigint(TRIED - 1));
        statement
    }

    /// How many rows fit, of one more than are tried.
    pub(super) fn count_statement(&self, workspace: WorkspaceId) -> Statement {
        let mut statement = QueryBuilder::new(
            "SELECT count(*) AS tried, count(*) FILTER (WHERE fits) AS fitting FROM (SELECT ",
        );
        self.push_fits(&mut statement);
        statement.push(" AS fits FROM ");
        self.push_range(&mut statement, workspace, &Begin { after: None, offset: 0, size: 0 });
        statement.push(" LIMIT ").push_bind(bigint(TRIED) + 1).push(") AS entry");
        statement
    }

    /// The rows of a page from those an index finds, and how many that are; the counts alone when they are too many.
    pub(super) fn gather_statement(
        &self,
        workspace: WorkspaceId,
        gathered: &Gathered,
        begin: &Begin<'_>,
    ) -> Statement {
        let Self { table, columns, order, .. } = self;
        let Order { value, position, .. } = order;
        let direction = order.direction();
        let mut statement = QueryBuilder::new(format!(
            "WITH gathered AS MATERIALIZED (SELECT ctid AS place, {value} AS sort_value, {position} AS sort_position, "
        ));
        for condition in &self.served {
            condition.push(&mut statement);
            statement.push(" AND ");
        }
        self.push_fits(&mut statement);
        statement.push(format!(" AS fits FROM {table} WHERE "));
        push_mine(&mut statement, workspace);
        statement.push(" AND ");
        gathered.condition.push(&mut statement);
        if let Some(order) = gathered.order {
            statement.push(format!(" ORDER BY {order}"));
        }
        statement.push(" LIMIT ").push_bind(bigint(TRIED) + 1).push(
            "), found AS (SELECT count(*) AS gathered, count(*) FILTER (WHERE fits) AS fitting FROM gathered), \
             page AS (SELECT place, sort_value, sort_position FROM gathered WHERE fits",
        );
        if let Some(mark) = begin.after {
            let behind = Order { value: "sort_value", position: "sort_position", ..*order }.behind(mark);
            statement.push(" AND ");
            behind.push(&mut statement);
        }
        statement.push(format!(" ORDER BY sort_value {direction}, sort_position {direction}"));
        push_limit(&mut statement, begin);
        statement.push(format!(
            ") SELECT gathered, fitting, sort_value, sort_position, {columns} FROM found LEFT JOIN \
             (page JOIN {table} ON {table}.ctid = page.place) ON gathered <= "
        ));
        statement.push_bind(bigint(TRIED));
        statement.push(format!(" ORDER BY sort_value {direction}, sort_position {direction}"));
        statement
    }

    /// Of rows that are given as JSON, those that fit, in order. They bear the table's name, so that its conditions are
    /// those of any list; they need not have more than what these look at.
    pub(super) fn sift_statement(&self, rows: String, after: Option<&Mark>) -> Statement {
        let Self { table, order, .. } = self;
        let Order { value, position, .. } = order;
        let direction = order.direction();
        let mut statement = QueryBuilder::new(format!(
            "WITH {table} AS (SELECT * FROM json_populate_recordset(NULL::{table}, "
        ));
        statement.push_bind(rows);
        statement.push(format!("::json)) SELECT id, {value} AS sort_value, {position} AS sort_position, "));
        match after {
            Some(mark) => order.behind(mark).push(&mut statement),
            None => drop(statement.push("true")),
        }
        statement.push(format!(" AS behind FROM {table} WHERE true"));
        let gathered = self.gathered.iter().map(|gathered| &gathered.condition);
        for condition in self.served.iter().chain(gathered).chain(&self.tried) {
            statement.push(" AND ");
            condition.push(&mut statement);
        }
        statement.push(format!(" ORDER BY sort_value {direction}, sort_position {direction}"));
        statement
    }

    /// How many rows the planner expects to fit.
    pub(super) fn estimate_statement(&self, workspace: WorkspaceId) -> Statement {
        let mut statement =
            QueryBuilder::new(format!("EXPLAIN (FORMAT JSON) SELECT FROM {} WHERE ", self.table));
        push_mine(&mut statement, workspace);
        for condition in self.served.iter().chain(&self.tried) {
            statement.push(" AND ");
            condition.push(&mut statement);
        }
        statement
    }

    /// The table, what of it the order's index serves, behind where the page begins, in order.
    fn push_range(&self, statement: &mut Statement, workspace: WorkspaceId, begin: &Begin<'_>) {
        let Order { value, position, .. } = &self.order;
        let direction = self.order.direction();
        statement.push(format!("{} WHERE ", self.table));
        push_mine(statement, workspace);
        let behind = begin.after.map(|mark| self.order.behind(mark));
        for condition in self.served.iter().chain(&behind) {
            statement.push(" AND ");
            condition.push(statement);
        }
        statement.push(format!(" ORDER BY {value} {direction}, {position} {direction}"));
    }

    fn push_fits(&self, statement: &mut Statement) {
        statement.push("(true");
        for condition in &self.tried {
            statement.push(" AND ");
            condition.push(statement);
        }
        statement.push(")");
    }
}

fn push_limit(statement: &mut Statement, begin: &Begin<'_>) {
    statement.push(" LIMIT ").push_bind(i64::from(begin.size) + 1);
    statement.push(" OFFSET ").push_bind(bigint(begin.offset));
}

/// What belongs to the workspace, in the generation that its head names.
fn push_mine(statement: &mut Statement, workspace: WorkspaceId) {
    statement.push("workspace_id = ").push_bind(workspace.uuid());
    statement.push(" AND generation = (SELECT generation FROM heads WHERE workspace_id = ");
    statement.push_bind(workspace.uuid()).push(")");
}
