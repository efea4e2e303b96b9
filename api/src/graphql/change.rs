//! A change that is asked for: a call of REST's, made in another way.

use async_graphql::Context;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::asker::Asker;
use super::scalars::Long;
use crate::error::ApiError;
use crate::extract::{Call, Form, FromForm, Resolves, checked_key};
use crate::idempotency::{Place, REPLAYED, begin, command_id, enter};
use crate::state::App;

/// A change, which happens once where it has an idempotency key.
pub struct Change<'a> {
    pub app: &'a App,
    pub call: Call,
    _place: Option<Place>,
}

impl<'a> Change<'a> {
    /// Begins the change of a field of `Mutation`. Its key is the argument, or, with the field's name in the answer, the
    /// header of the request.
    pub async fn begin(context: &'a Context<'_>, key: Option<&str>) -> Result<Self, ApiError> {
        let asker = Asker::of(context)?;
        let (app, workspace) = (&asker.app, asker.workspace());
        let mut circumstances = asker.circumstances.clone();
        let field = context.field();
        let answered_as = field.alias().unwrap_or(field.name());
        let key = match (key, &asker.idempotency_key) {
            (Some(key), _) => checked_key("idempotencyKey", key)?,
            (None, Some(key)) => format!("{key}\n{answered_as}"),
            (None, None) => {
                let call = Call::new(app, circumstances, None);
                return Ok(Self { app, call, _place: None });
            }
        };
        let id = command_id(workspace, "GRAPHQL", field.name(), &key);
        let place = enter(app, id)?;
        let begun = begin(app, workspace, id, asked(context)?).await?;
        let earlier = begun.recorded.map(|recorded| recorded.resource);
        if earlier.is_some() {
            context.insert_http_header(REPLAYED, "true");
        }
        circumstances.command = Some(begun.command);
        Ok(Self { app, call: Call::new(app, circumstances, earlier), _place: Some(place) })
    }
}

/// The hash of what is asked: the arguments, however they are written.
fn asked(context: &Context<'_>) -> Result<[u8; 32], ApiError> {
    let arguments = context.field().arguments();
    let arguments = arguments.map_err(|error| ApiError::internal(error.message))?;
    let arguments = arguments.into_iter().filter(|(name, _)| name != "idempotencyKey");
    let mut hash = Sha256::new();
    for (name, value) in arguments {
        let value = value.into_json().map_err(|error| ApiError::internal(error.to_string()))?;
        hash.update(name.as_bytes());
        hash.update(sorted(value).to_string());
    }
    Ok(hash.finalize().into())
}

/// With the fields of every object in the order of their names.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        value => value,
    }
}

/// An input as the body that it would be in REST, read by the same form.
pub fn read<T: FromForm>(input: &impl Serialize) -> Result<T, ApiError> {
    match serde_json::to_value(input) {
        Ok(Value::Object(fields)) => Form::read(fields),
        Ok(_) => Err(ApiError::internal("an input is no object")),
        Err(error) => Err(ApiError::internal(error.to_string())),
    }
}

/// The id of what is to be changed. What cannot name anything names nothing.
pub fn named<T: Resolves>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| ApiError::no_such(T::RESOURCE))
}

/// The version that something must have to be changed, where the caller says so.
pub fn version(expected: Option<Long>) -> Option<u64> {
    expected.map(|Long(version)| version)
}
