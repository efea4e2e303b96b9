//! Between Rust's values and the columns of the read models.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use interflow_domain::Personal;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NameError, StrDeserializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

/// A column of many rows, to be unnested.
pub(super) fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A count or a position as Postgres stores it.
pub(super) fn bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count or a position as Postgres stored it.
pub(super) fn count(row: &PgRow, column: &'static str) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|source| undecodable(column, source))
}

/// A value of an enumeration, stored by its name.
pub(super) fn named<'r, T: Deserialize<'r>>(row: &'r PgRow, column: &'static str) -> Result<T, sqlx::Error> {
    parse(column, row.try_get(column)?)
}

/// A value of an enumeration from its name.
pub(super) fn parse<'r, T: Deserialize<'r>>(column: &'static str, name: &'r str) -> Result<T, sqlx::Error> {
    // The names are ours, so the error may quote one.
    T::deserialize(StrDeserializer::<NameError>::new(name)).map_err(|source| undecodable(column, source))
}

/// A value as JSON, to be bound as text: Postgres's `json` keeps it as it is, `jsonb` would not.
pub(super) fn json_text(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|source| sqlx::Error::Encode(Box::new(source)))
}

/// A value from a column of JSON. The error never quotes it.
pub(super) fn json<T: DeserializeOwned>(row: &PgRow, column: &'static str) -> Result<Option<T>, sqlx::Error> {
    let stored: Option<Json<&RawValue>> = row.try_get(column)?;
    let value = stored.map(|Json(text)| serde_json::from_str(text.get())).transpose();
    value.map_err(|_| undecodable(column, OtherShape))
}

/// Why a column cannot be read, where the reason would quote what is in it.
#[derive(Debug, thiserror::Error)]
#[error("the JSON is of another shape")]
struct OtherShape;

fn undecodable(column: &str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}

/// A personal value in clear; nothing when there is none or it was erased.
pub(super) fn clear<T: ToString>(value: Option<&Personal<T>>) -> Option<String> {
    value.and_then(Personal::get).map(T::to_string)
}

/// A time that others chose as Postgres keeps it: to the microsecond. A row is the same whether it was stored or not.
pub(super) fn microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

/// What others chose, in a form that Postgres can store as text: without NUL.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use interflow_domain::chat::ChatStatus;

    use super::*;

    #[test]
    fn a_name_is_read_back_and_an_unknown_one_refused() {
        assert_eq!(parse::<ChatStatus>("status", "snoozed").unwrap(), ChatStatus::Snoozed);
        assert!(matches!(parse::<ChatStatus>("status", "gone"), Err(sqlx::Error::ColumnDecode { .. })));
    }

    #[test]
    fn text_that_others_chose_is_made_storable() {
        assert_eq!(storable("3EB0"), "3EB0");
        assert_eq!(storable("3\0B0"), "3\u{fffd}B0");
    }
}
