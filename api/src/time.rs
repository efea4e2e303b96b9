//! Times: RFC 3339; in answers UTC with milliseconds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// A time as answers carry it, and as callers give it: with whatever offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

/// What was given is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time in RFC 3339, such as 2026-01-31T09:30:00Z")]
pub struct InvalidTimestamp;

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| InvalidTimestamp)?;
        Ok(Self(time.with_timezone(&Utc)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_offset_and_anything_else_refused() {
        let read = |text: &str| text.parse().map(|Timestamp(time)| time);
        assert_eq!(read("2024-01-15T11:30:00+01:00"), read("2024-01-15T10:30:00.000Z"));
        for text in
            ["", "tomorrow", "2024-01-15", "2024-01-15T10:30:00", "1705314600", "2024-13-15T10:30:00Z"]
        {
            assert_eq!(read(text), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn times_carry_milliseconds_and_a_z() {
        let time: DateTime<Utc> = "2024-01-15T11:30:00.1234567+01:00".parse().unwrap();
        assert_eq!(serde_json::to_string(&Timestamp(time)).unwrap(), r#""2024-01-15T10:30:00.123Z""#);
    }
}
