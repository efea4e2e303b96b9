//! Values that GraphQL has no type of its own for.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use serde::Serialize;

use crate::time::Timestamp;

/// A number that may be larger than an `Int`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Long(pub u64);

/// A whole number from 0 to 9223372036854775807: a version, a position in the log, a count. It may be larger than an
/// `Int` can hold.
#[Scalar(name = "Long")]
impl ScalarType for Long {
    fn parse(value: Value) -> InputValueResult<Self> {
        read(&value).map(Self).ok_or_else(|| InputValueError::custom("it must be a whole number from 0"))
    }

    fn is_valid(value: &Value) -> bool {
        read(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

/// As positions are stored: signed 64-bit integers.
fn read(value: &Value) -> Option<u64> {
    let Value::Number(number) = value else { return None };
    number.as_u64().filter(|number| i64::try_from(*number).is_ok())
}

/// A time in RFC 3339, such as `2026-01-31T09:30:00.000Z`; in answers UTC with milliseconds, in arguments with whatever
/// offset.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        text.parse().map_err(|error| InputValueError::custom(format!("it {error}")))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if text.parse::<Self>().is_ok())
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}
