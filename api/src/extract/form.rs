//! Reading an object field by field. Nothing stops at the first mistake: every field that is wrong is listed, and
//! every field that nobody asked for is named.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use interflow_application::FieldError;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// What can be read from an object. `None` when a field was wrong; the form has noted which.
pub trait FromForm: Sized {
    /// Reads it.
    fn from_form(form: &mut Form) -> Option<Self>;
}

/// A JSON object that is being read.
pub struct Form {
    prefix: String,
    fields: Map<String, Value>,
    problems: Vec<Problem>,
}

struct Problem {
    summary: String,
    detail: FieldError,
}

impl Form {
    /// A form over an object.
    #[must_use]
    pub fn new(fields: Map<String, Value>) -> Self {
        Self { prefix: String::new(), fields, problems: vec![] }
    }

    /// Reads a whole value from an object.
    pub fn read<T: FromForm>(fields: Map<String, Value>) -> Result<T, ApiError> {
        let mut form = Self::new(fields);
        let read = T::from_form(&mut form);
        form.close();
        match (read, form.problems.is_empty()) {
            (Some(read), true) => Ok(read),
            (None, true) => Err(ApiError::internal("a form was refused without a reason")),
            (_, false) => {
                let summary =
                    form.problems.iter().map(|problem| problem.summary.clone()).next().unwrap_or_default();
                Err(ApiError::invalid(
                    summary,
                    form.problems.into_iter().map(|problem| problem.detail).collect(),
                ))
            }
        }
    }

    /// A text that must be there.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.required_value(name)?;
        self.parse(name, value)
    }

    /// A text that may be absent or `null`: `None` when it is wrong, `Some(None)` when it is absent.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<T>> {
        match self.take(name) {
            None => Some(None),
            Some(value) => self.parse(name, value).map(Some),
        }
    }

    /// A text that may change, be emptied by `null`, or stay as it is when absent.
    pub fn change<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<Option<T>>> {
        match self.fields.get(name) {
            None => Some(None),
            Some(_) => self.optional(name).map(Some),
        }
    }

    /// A list of texts that may be absent or `null`.
    pub fn texts<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<Option<Vec<T>>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::Array(items)) => {
                let known = self.problems.len();
                let texts: Vec<T> = items
                    .into_iter()
                    .enumerate()
                    .filter_map(|(index, item)| self.parse(&format!("{name}[{index}]"), item))
                    .collect();
                (self.problems.len() == known).then_some(Some(texts))
            }
            Some(_) => self.wrong(name, "must be a list of strings"),
        }
    }

    /// A whole number within bounds that may be absent or `null`.
    pub fn number(&mut self, name: &str, bounds: RangeInclusive<u64>) -> Option<Option<u64>> {
        let Some(value) = self.take(name) else { return Some(None) };
        let number = value.as_u64().filter(|number| bounds.contains(number));
        let (least, most) = bounds.into_inner();
        number
            .map(Some)
            .or_else(|| self.wrong(name, format!("must be a whole number from {least} to {most}")))
    }

    /// `true` or `false`, which may be absent or `null`.
    pub fn flag(&mut self, name: &str) -> Option<Option<bool>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::Bool(flag)) => Some(Some(flag)),
            Some(_) => self.wrong(name, "must be true or false"),
        }
    }

    /// Whatever a field holds, for the caller to judge; nothing when it is absent or `null`.
    pub fn value(&mut self, name: &str) -> Option<Value> {
        self.take(name)
    }

    /// Every field that was not read yet, to be read as a form of its own.
    pub fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fields)
    }

    /// A list that must be there, to be read entry by entry ([`Form::read_entry`]).
    pub fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.required_value(name)? {
            Value::Array(entries) => Some(entries),
            _ => self.wrong(name, "must be a list"),
        }
    }

    /// Reads an entry of a list, whose mistakes are its own.
    pub fn read_entry<T: FromForm>(entry: Value) -> Result<T, ApiError> {
        match entry {
            Value::Object(fields) => Self::read(fields),
            _ => Err(ApiError::invalid("It must be an object", vec![])),
        }
    }

    /// A free object that may be absent or `null`.
    pub fn object(&mut self, name: &str) -> Option<Option<Map<String, Value>>> {
        match self.take(name) {
            None => Some(None),
            Some(Value::Object(object))
                if object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)) =>
            {
                self.wrong(name, "must not hold the character NUL")
            }
            Some(Value::Object(object)) => Some(Some(object)),
            Some(_) => self.wrong(name, "must be an object"),
        }
    }

    /// An object that must be there, read by `read`.
    pub fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let Value::Object(fields) = self.required_value(name)? else {
            return self.wrong(name, "must be an object");
        };
        let mut inner = Self { prefix: self.path(name) + ".", fields, problems: vec![] };
        let read = read(&mut inner);
        inner.close();
        self.problems.append(&mut inner.problems);
        read
    }

    /// Whether a field is there and not `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is there, be it `null`.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Leaves a field unread.
    pub fn ignore(&mut self, name: &str) {
        self.fields.remove(name);
    }

    /// Notes that a field is wrong.
    pub fn wrong<T>(&mut self, name: &str, message: impl Display) -> Option<T> {
        let (field, message) = (self.path(name), message.to_string());
        let summary = if message.starts_with("must ") {
            format!("The '{field}' field {message}")
        } else {
            format!("The '{field}' field is not valid: {message}")
        };
        self.problems.push(Problem { summary, detail: FieldError::new(field, message) });
        None
    }

    /// Notes that a field is missing.
    pub fn missing<T>(&mut self, name: &str) -> Option<T> {
        let field = self.path(name);
        let summary = format!("The '{field}' field is required");
        self.problems.push(Problem { summary, detail: FieldError::new(field, "Required field") });
        None
    }

    fn required_value(&mut self, name: &str) -> Option<Value> {
        self.take(name).or_else(|| self.missing(name))
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str, value: Value) -> Option<T> {
        match value {
            Value::String(text) => text.parse().map_err(|error: T::Err| error.to_string()),
            _ => Err("must be a string".to_owned()),
        }
        .map_or_else(|message| self.wrong(name, message), Some)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What nobody asked for is unknown.
    fn close(&mut self) {
        for name in std::mem::take(&mut self.fields).into_iter().map(|(name, _)| name) {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            let field = self.path(&shown);
            let summary = format!("The '{field}' field is unknown");
            self.problems.push(Problem { summary, detail: FieldError::new(field, "Unknown field") });
        }
    }
}

/// Postgres's JSON cannot hold it.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
