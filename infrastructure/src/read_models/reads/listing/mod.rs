//! Lists that are filtered and sorted.
//!
//! A page costs no more for a large workspace than for a small one, whatever is asked for, so it is decided here, and
//! not by statistics, how rows are found:
//! - *in order*: the rows of one index that has the list's order are read from where the page begins. Conditions that
//!   the index *serves* bound what is read; the others are *tried* row by row, on [`TRIED`] rows at most: a page that
//!   is not full by then says where to go on.
//! - *gathered*: the rows that an index finds for a condition are sorted, if there are no more than [`TRIED`]. If
//!   there are more, the condition fits so many rows that it is tried as above.
//!
//! The planner is therefore forbidden what would read more. One transaction gives all statements one snapshot.

pub(in crate::read_models) mod chats;
pub(in crate::read_models) mod customers;
pub(in crate::read_models) mod messages;
mod statement;

use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::read::{Mark, Marked, PageRequest, SortValue, Start};
use interflow_domain::WorkspaceId;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{Executor, PgConnection, PgPool, Postgres, Row, Transaction};
use uuid::Uuid;

use crate::database;
use crate::event_log::log_error;
use crate::read_models::columns::{bigint, count, json_text};

pub(in crate::read_models) use statement::{Argument, Condition};

/// Most rows that are tried, or gathered, for one answer.
pub(in crate::read_models) const TRIED: u64 = PageRequest::EXACT_TOTAL;

/// Begins the transaction of a list: all its statements see one moment. Behind a pooler it has begun already, and each
/// sees its own; the totals may then be of a moment later than the rows.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const BEGIN_BEHIND_A_POOLER: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
/// Statements cost what is forbidden many times over, which compiling them would not bring back. They are planned with their
/// values: some conditions fit few rows for one value and most for another.
const IN_ORDER: &str = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; \
     SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
     SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off; SET LOCAL enable_indexscan = on; \
     SET LOCAL enable_indexonlyscan = on";
const BY_BITMAP: &str = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; \
     SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off";

/// A transaction in which rows are read along the index that has their order.
pub(super) async fn in_order(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let begins = begins(pool);
    pool.begin_with(format!("{begins}; {IN_ORDER}")).await
}

fn begins(pool: &PgPool) -> &'static str {
    if database::is_behind_a_pooler(pool) { BEGIN_BEHIND_A_POOLER } else { BEGIN }
}

/// A list, and how its rows are found.
pub(in crate::read_models) struct Query {
    table: &'static str,
    columns: &'static str,
    order: Order,
    /// What the index that has the order serves.
    served: Vec<Condition>,
    /// What another index finds few rows for.
    gathered: Option<Gathered>,
    /// What is tried on each row.
    tried: Vec<Condition>,
}

/// What a list is sorted by: a value, and among equal values a position.
struct Order {
    value: &'static str,
    is_text: bool,
    position: &'static str,
    descending: bool,
}

/// A condition that has an index of its own.
struct Gathered {
    condition: Condition,
    /// The order that index has; without one it is read by bitmap.
    order: Option<&'static str>,
}

/// Where a page begins: behind a row, and so many rows further.
struct Begin<'a> {
    after: Option<&'a Mark>,
    offset: u64,
    size: u32,
}

/// How many rows fit, and whether those were all.
struct Total {
    counted: u64,
    is_all: bool,
}

/// A row that fits, in the order of the list.
pub(in crate::read_models) struct Sifted {
    pub(in crate::read_models) id: Uuid,
    pub(in crate::read_models) mark: Mark,
    /// Whether it is behind where the page begins.
    pub(in crate::read_models) behind: bool,
}

impl Query {
    /// The same list of what was recorded up to a position, which was before this time. Of each row nothing but these
    /// columns.
    pub(in crate::read_models) fn until(
        mut self,
        (at, latest): (u64, DateTime<Utc>),
        columns: &'static str,
    ) -> Self {
        self.columns = columns;
        self.served.push(Condition::of("created_at < ?", Argument::Time(latest)));
        self.tried.push(Condition::of("created_position <= ?", Argument::Number(bigint(at))));
        self
    }

    /// The same list of what nothing has touched since a position, which was before this time.
    pub(in crate::read_models) fn untouched_since(mut self, (at, latest): (u64, DateTime<Utc>)) -> Self {
        self.served.push(Condition::of("updated_at < ?", Argument::Time(latest)));
        self.tried.push(Condition::of("touched_position <= ?", Argument::Number(bigint(at))));
        self
    }

    /// Of these rows, given as JSON, those that fit, in order.
    pub(in crate::read_models) async fn sift(
        &self,
        pool: &PgPool,
        rows: &[Value],
        after: Option<&Mark>,
    ) -> Result<Vec<Sifted>, LogError> {
        if rows.is_empty() {
            return Ok(vec![]);
        }
        let rows = json_text(&rows).map_err(log_error)?;
        let mut statement = self.sift_statement(rows, after);
        let rows = statement.build().persistent(false).fetch_all(pool).await.map_err(log_error)?;
        let sifted = |row: &PgRow| {
            Ok(Sifted { id: row.try_get("id")?, mark: self.mark(row)?, behind: row.try_get("behind")? })
        };
        rows.iter().map(sifted).collect::<Result<_, _>>().map_err(log_error)
    }

    pub(in crate::read_models) async fn page<T>(
        mut self,
        pool: &PgPool,
        workspace: WorkspaceId,
        (start, size): (&Start, u32),
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error> + Sync,
    ) -> Result<Marked<T>, LogError> {
        let begin = match start {
            Start::Page(number) => {
                Begin { after: None, offset: u64::from(number.saturating_sub(1)) * u64::from(size), size }
            }
            Start::After(mark) => Begin { after: Some(mark), offset: 0, size },
        };
        self.run(pool, workspace, &begin, decode).await.map_err(log_error)
    }

    async fn run<T>(
        &mut self,
        pool: &PgPool,
        workspace: WorkspaceId,
        begin: &Begin<'_>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error> + Sync,
    ) -> Result<Marked<T>, sqlx::Error> {
        let by_bitmap = self.gathered.as_ref().is_some_and(|gathered| gathered.order.is_none());
        let settings = if by_bitmap { BY_BITMAP } else { IN_ORDER };
        let mut transaction = pool.begin_with(format!("{}; {settings}", begins(pool))).await?;
        let connection = &mut *transaction;
        let few = match &self.gathered {
            Some(gathered) => self.gather(connection, workspace, gathered, begin, &decode).await?,
            None => None,
        };
        let (mut found, total, stopped) = match few {
            Some((found, total)) => (found, total, None),
            None => {
                if by_bitmap {
                    connection.execute(IN_ORDER).await?;
                }
                self.tried.extend(self.gathered.take().map(|gathered| gathered.condition));
                self.walk(connection, workspace, begin, &decode).await?
            }
        };
        let mut next = None;
        if found.len() > begin.size as usize {
            found.truncate(begin.size as usize);
            next = found.last().map(|(_, mark)| mark.clone());
        }
        let is_out_of_reach = begin.offset > 0 && found.is_empty() && stopped.is_some();
        let next = next.or(stopped);
        let total_is_estimate = !total.is_all;
        let mut total = total.counted;
        if total_is_estimate {
            total = self.estimate(connection, workspace).await?.max(total);
        }
        transaction.commit().await?;
        let (items, marks) = found.into_iter().unzip();
        Ok(Marked { items, marks, total, total_is_estimate, next, is_out_of_reach })
    }

    /// The page from the rows that an index finds; nothing when they are too many.
    async fn gather<T>(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        gathered: &Gathered,
        begin: &Begin<'_>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Option<(Vec<(T, Mark)>, Total)>, sqlx::Error> {
        let mut statement = self.gather_statement(workspace, gathered, begin);
        let rows = statement.build().persistent(false).fetch_all(connection).await?;
        let counted = |column| rows.first().map_or(Ok(0), |row| count(row, column));
        if counted("gathered")? > TRIED {
            return Ok(None);
        }
        let total = Total { counted: counted("fitting")?, is_all: true };
        Ok(Some((self.decoded(&rows, decode)?, total)))
    }

    /// The page from the index that has the order, and where trying was left off, if it was.
    async fn walk<T>(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        begin: &Begin<'_>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<(Vec<(T, Mark)>, Total, Option<Mark>), sqlx::Error> {
        let mut statement = self.page_statement(workspace, begin);
        let rows = statement.build().persistent(false).fetch_all(&mut *connection).await?;
        let found = self.decoded(&rows, decode)?;
        let mut stopped = None;
        if !self.tried.is_empty() && found.len() <= begin.size as usize {
            let mut statement = self.edge_statement(workspace, begin);
            let edge = statement.build().persistent(false).fetch_optional(&mut *connection).await?;
            stopped = edge.map(|row| self.mark(&row)).transpose()?;
        }
        let mut statement = self.count_statement(workspace);
        let total = statement.build().persistent(false).fetch_one(connection).await?;
        let total = Total { counted: count(&total, "fitting")?, is_all: count(&total, "tried")? <= TRIED };
        Ok((found, total, stopped))
    }

    /// How many rows the planner expects. It plans with the values, so it knows a large workspace from a small.
    async fn estimate(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<u64, sqlx::Error> {
        let mut statement = self.estimate_statement(workspace);
        let plan: Value = statement.build_query_scalar().persistent(false).fetch_one(connection).await?;
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_f64).unwrap_or_default();
        // A plan is never of so many rows that the conversion, which saturates, matters.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        Ok(rows as u64)
    }

    /// The rows, without one that holds nothing but counts.
    fn decoded<T>(
        &self,
        rows: &[PgRow],
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<(T, Mark)>, sqlx::Error> {
        let mut found = vec![];
        for row in rows {
            if row.try_get::<Option<i64>, _>("sort_position")?.is_some() {
                found.push((decode(row)?, self.mark(row)?));
            }
        }
        Ok(found)
    }

    fn mark(&self, row: &PgRow) -> Result<Mark, sqlx::Error> {
        let value = if self.order.is_text {
            SortValue::Text(row.try_get("sort_value")?)
        } else {
            SortValue::Time(row.try_get::<DateTime<Utc>, _>("sort_value")?)
        };
        Ok(Mark { value, position: count(row, "sort_position")? })
    }
}

impl Order {
    /// Only rows behind the mark.
    fn behind(&self, mark: &Mark) -> Condition {
        let Self { value, position, descending, .. } = self;
        let than = if *descending { "<" } else { ">" };
        let (argument, cast) = match &mark.value {
            SortValue::Time(time) => (Argument::Time(*time), "?"),
            SortValue::Text(text) => (Argument::Text(text.clone()), "?::text COLLATE \"C\""),
        };
        Condition::new(
            format!("({value}, {position}) {than} ({cast}, ?)"),
            vec![argument, Argument::Number(bigint(mark.position))],
        )
    }

    fn direction(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }
}
