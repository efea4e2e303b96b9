//! What the database's errors mean to the log.
//!
//! Texts of the database may repeat values (`invalid input syntax for type uuid: "…"`), so what we say of them is the
//! SQLSTATE, the table and the constraint.

use std::sync::Arc;

use interflow_application::log::LogError;
use sqlx::error::DatabaseError;

/// Why a transaction of ours did not come about.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The database is away, or gave up. Whether a transaction that was committing is there is not known.
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
    /// The database, or we, cannot handle what is in it: trying again does not help.
    Refused(String),
}

/// Classes of SQLSTATE that speak of the server's state and not of what it was given: connection, transaction state,
/// a database that is not there, rollback, resources, locks, operator, system, internal.
const OF_THE_SERVER: [&str; 9] = ["08", "25", "3D", "40", "53", "55", "57", "58", "XX"];

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) if !is_of_the_server(&*database) => {
                Self::Refused(describe(&*database))
            }
            sqlx::Error::ColumnDecode { index, .. } => {
                Self::Refused(format!("column {index} cannot be decoded"))
            }
            sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::RowNotFound => Self::Refused("the database's answer has another shape".to_owned()),
            other => Self::Unavailable(Arc::new(other)),
        }
    }
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(source) => Self::Unavailable(Box::new(source)),
            Failure::Refused(what) => Self::Corrupt(what),
        }
    }
}

impl Failure {
    pub(crate) fn unavailable(why: &'static str) -> Self {
        Self::Unavailable(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(why)))
    }
}

/// The same for a read outside of a transaction.
pub(crate) fn log_error(error: sqlx::Error) -> LogError {
    Failure::from(error).into()
}

fn is_of_the_server(error: &dyn DatabaseError) -> bool {
    error.code().is_none_or(|code| OF_THE_SERVER.iter().any(|class| code.starts_with(class)))
}

fn describe(error: &dyn DatabaseError) -> String {
    let code = error.code();
    let part =
        |name: &str, value: Option<&str>| value.map(|value| format!(", {name} {value}")).unwrap_or_default();
    format!(
        "the database refused it with SQLSTATE {}{}{}",
        code.as_deref().unwrap_or("unknown"),
        part("table", error.table()),
        part("constraint", error.constraint())
    )
}
