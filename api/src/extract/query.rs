//! Reading a query string parameter by parameter. Nothing stops at the first mistake: every parameter that is wrong is
//! listed, and every one that nobody asked for is named.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use interflow_application::FieldError;
use interflow_application::past::AsOf;
use interflow_application::read::TimeRange;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, de};

use crate::error::ApiError;

/// The parameters of a call that are still to be read.
pub struct Query {
    parameters: Vec<(String, String)>,
    problems: Vec<FieldError>,
}

impl Query {
    /// Over a query string.
    #[must_use]
    pub fn new(query: &str) -> Self {
        Self { parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), problems: vec![] }
    }

    /// Over parameters that were given in another way.
    #[must_use]
    pub const fn of(parameters: Vec<(String, String)>) -> Self {
        Self { parameters, problems: vec![] }
    }

    /// All parameters but these.
    #[must_use]
    pub fn others(&self, names: &[&str]) -> Vec<(String, String)> {
        self.parameters.iter().filter(|(name, _)| !names.contains(&&**name)).cloned().collect()
    }

    /// Whether a parameter was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(given, _)| given == name)
    }

    /// What may be given once: `None` when it is wrong, `Some(None)` when it is absent.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<T>> {
        match self.text(name)? {
            Some(text) => text.parse().map(Some).map_err(|error| self.wrong(name, error)).ok(),
            None => Some(None),
        }
    }

    /// What may be given several times.
    pub fn repeated<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Vec<T>> {
        let values: Result<Vec<T>, _> = self.take(name).iter().map(|text| text.parse()).collect();
        values.map_err(|error| self.wrong(name, error)).ok()
    }

    /// One of the names of an enumeration.
    pub fn named<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Option<Option<T>> {
        match self.text(name)? {
            Some(text) => {
                let read = T::deserialize(StrDeserializer::<Unnamed>::new(&text));
                read.map(Some).map_err(|error| self.wrong(name, error)).ok()
            }
            None => Some(None),
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Option<Option<bool>> {
        match self.text(name)?.as_deref() {
            Some("true") => Some(Some(true)),
            Some("false") => Some(Some(false)),
            Some(_) => {
                self.wrong(name, "must be true or false");
                None
            }
            None => Some(None),
        }
    }

    /// `<name>_after` and `<name>_before`.
    pub fn range(&mut self, name: &str) -> Option<TimeRange> {
        let (earliest, latest) = (format!("{name}_after"), format!("{name}_before"));
        let (after, before) = (self.time(&earliest), self.time(&latest));
        let range = TimeRange { after: after?, before: before? };
        if range.is_empty() {
            self.wrong(&latest, format!("must be later than '{earliest}'"));
            return None;
        }
        Some(range)
    }

    fn time(&mut self, name: &str) -> Option<Option<DateTime<Utc>>> {
        let Some(text) = self.text(name)? else { return Some(None) };
        let time = time(&text);
        if time.is_none() {
            self.wrong(name, "must be a time of RFC 3339, for example 2026-01-31T12:00:00Z");
        }
        time.map(Some)
    }

    /// A position of the log, or a time.
    pub fn as_of(&mut self, name: &str) -> Option<Option<AsOf>> {
        let Some(text) = self.text(name)? else { return Some(None) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = match text.parse() {
            Ok(position) if digits => Some(AsOf::Position(position)),
            // Beyond every log that there can be.
            Err(_) if digits => Some(AsOf::Position(u64::MAX)),
            _ => time(&text).map(AsOf::Time),
        };
        if read.is_none() {
            self.wrong(
                name,
                "must be a position of the log or a time of RFC 3339, for example 42 or 2026-01-31T12:00:00Z",
            );
        }
        read.map(Some)
    }

    /// A parameter as it was given.
    pub fn text(&mut self, name: &str) -> Option<Option<String>> {
        let mut values = self.take(name).into_iter();
        let first = values.next();
        if values.next().is_some() {
            self.wrong(name, "must be given once");
            return None;
        }
        Some(first)
    }

    /// Notes that a parameter is wrong.
    pub fn wrong(&mut self, name: &str, message: impl Display) {
        self.problems.push(FieldError::new(name, message));
    }

    /// Refuses what is wrong, and what nobody asked for.
    pub fn close(mut self) -> Result<(), ApiError> {
        for (name, _) in std::mem::take(&mut self.parameters) {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            self.wrong(&shown, UNKNOWN);
        }
        let Some(first) = self.problems.first() else { return Ok(()) };
        let message = if first.message == UNKNOWN {
            format!("{UNKNOWN}: '{}'", first.field)
        } else if first.message.starts_with("must ") {
            format!("The '{}' parameter {}", first.field, first.message)
        } else {
            format!("The '{}' parameter is not valid: {}", first.field, first.message)
        };
        Err(ApiError::invalid(message, self.problems))
    }

    /// The refusal of one parameter.
    #[must_use]
    pub fn refused(name: &str, message: impl Display) -> ApiError {
        let problem = FieldError::new(name, message);
        ApiError::invalid(format!("The '{name}' parameter {}", problem.message), vec![problem])
    }

    fn take(&mut self, name: &str) -> Vec<String> {
        self.parameters.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect()
    }
}

/// A time of RFC 3339. A `+` that was not escaped has become a blank.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let read = DateTime::parse_from_rfc3339(text).or_else(|error| {
        text.rsplit_once(' ')
            .map_or(Err(error), |(time, offset)| DateTime::parse_from_rfc3339(&format!("{time}+{offset}")))
    });
    read.ok().map(|time| time.to_utc())
}

const UNKNOWN: &str = "Unknown query parameter";

/// Why a text is not of an enumeration: which names are.
#[derive(Debug)]
struct Unnamed(String);

impl Display for Unnamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unnamed {}

impl de::Error for Unnamed {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self(format!("must be one of: {}", expected.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use interflow_domain::chat::ChatStatus;

    use super::*;

    #[test]
    fn times_are_read_also_with_an_unescaped_plus() {
        let time = |text: &str| Query::new(text).range("created").unwrap().after;
        let noon: DateTime<Utc> = "2026-01-01T12:00:00Z".parse().unwrap();
        for text in ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00%2B02:00", "2026-01-01T14:00:00+02:00"] {
            assert_eq!(time(&format!("created_after={text}")), Some(noon), "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        let as_of = |text: &str| Query::new(&format!("as_of={text}")).as_of("as_of");
        assert_eq!(as_of("42"), Some(Some(AsOf::Position(42))));
        assert_eq!(as_of("99999999999999999999"), Some(Some(AsOf::Position(u64::MAX))));
        let noon = "2026-01-01T12:00:00Z".parse().unwrap();
        for text in ["2026-01-01T12:00:00Z", "2026-01-01T14:00:00+02:00"] {
            assert_eq!(as_of(text), Some(Some(AsOf::Time(noon))), "{text}");
        }
        for text in ["", "-1", "%2B1", "1.0", "c1", "now", "2026-01-01", "end"] {
            assert_eq!(as_of(text), None, "{text}");
        }
        assert_eq!(Query::new("").as_of("as_of"), Some(None));
    }

    #[test]
    fn every_parameter_that_is_wrong_is_listed_with_its_rule() {
        let mut query = Query::new("status=gone&unread=1&active_after=now&tag=&assignee=a&assignee=b&x=1");
        assert_eq!(query.named::<ChatStatus>("status"), None);
        assert_eq!(query.flag("unread"), None);
        assert_eq!(query.range("active"), None);
        assert_eq!(query.repeated::<interflow_domain::Tag>("tag"), None);
        assert_eq!(query.optional::<String>("assignee"), None);
        let error = format!("{:?}", query.close().unwrap_err());
        for part in ["open, snoozed, closed", "unread", "active_after", "tag", "assignee", "x"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_range_that_holds_nothing_is_refused() {
        let mut query = Query::new("created_after=2026-01-02T00:00:00Z&created_before=2026-01-01T00:00:00Z");
        assert_eq!(query.range("created"), None);
        assert!(format!("{:?}", query.close().unwrap_err()).contains("created_before"));
    }
}
