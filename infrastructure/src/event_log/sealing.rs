//! Personal values in a payload: sealed on the way in, opened on the way out.
//!
//! The domain writes `{"$p":{"s":subject,"v":value}}`; what is stored is `{"$p":{"s":subject,"k":key id,"c":…}}`, the
//! ciphertext bound to the event's id and to the place in its payload, so that a value copied to another event or
//! another field does not open. A value whose key was destroyed is given back as `{"$p":{"s":subject,"erased":true}}`.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interflow_domain::{EventId, PERSONAL_MARK, Subject};
use interflow_vault::{SealingKey, ValueKey};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Why a payload cannot be sealed or opened. Says nothing of the values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    #[error("a personal value has another form than it must have")]
    Malformed,
    #[error("a personal value is stored in clear")]
    InClear,
    #[error("a sealed value does not open: it was changed, or moved here from elsewhere")]
    DoesNotOpen,
    #[error("the key of a personal value was not fetched")]
    NoKey,
}

/// What is known of a data key.
#[derive(Debug, Clone)]
pub(super) struct DataKey {
    pub(super) subject: Subject,
    /// `None` once destroyed.
    pub(super) key: Option<SealingKey>,
}

/// Whose values are in a payload that is to be sealed.
pub(super) fn subjects(payload: &Value, found: &mut BTreeSet<Subject>) -> Result<(), SealError> {
    visit(payload, &mut |form| {
        if form.contains_key("v") {
            found.insert(subject_of(form)?);
        }
        Ok(())
    })
}

/// Seals every personal value of an event.
pub(super) fn seal<'a>(
    payload: &mut Value,
    event: EventId,
    key_of: &impl Fn(Subject) -> Option<(Uuid, &'a SealingKey)>,
) -> Result<(), SealError> {
    replace(payload, &mut String::new(), &mut |form, path| {
        let subject = subject_of(form)?;
        match (form.get("v"), form.get("erased"), form.len()) {
            // A value that had been erased when it was read and is written again, with the rest of a profile.
            (None, Some(Value::Bool(true)), 2) => Ok(None),
            (Some(value), None, 2) => {
                let (id, key) = key_of(subject).ok_or(SealError::NoKey)?;
                let plain = serde_json::to_vec(value).map_err(|_| SealError::Malformed)?;
                let sealed = BASE64.encode(key.seal(&place(event, path), &plain));
                Ok(Some(json!({"s": subject, "k": id, "c": sealed})))
            }
            _ => Err(SealError::Malformed),
        }
    })
}

/// The keys that a stored payload needs.
pub(super) fn key_ids(payload: &Value, found: &mut BTreeSet<Uuid>) -> Result<(), SealError> {
    visit(payload, &mut |form| {
        if form.contains_key("k") {
            found.insert(key_id_of(form)?);
        }
        Ok(())
    })
}

/// What opens one sealed value, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Where it is: a JSON pointer.
    pub(crate) path: String,
    pub(crate) key: ValueKey,
}

/// Opens every personal value of a stored event. A key that is not there is one that was destroyed.
pub(super) fn open<'a>(
    payload: &mut Value,
    event: EventId,
    key_of: &impl Fn(Uuid) -> Option<&'a DataKey>,
) -> Result<(), SealError> {
    replace(payload, &mut String::new(), &mut |form, path| {
        let Some(Sealed { subject, sealed, key }) = sealed(form, key_of)? else { return Ok(None) };
        let Some(key) = key else { return Ok(Some(json!({"s": subject, "erased": true}))) };
        let plain = key.open(&place(event, path), &sealed).map_err(|_| SealError::DoesNotOpen)?;
        let value: Value = serde_json::from_slice(&plain).map_err(|_| SealError::Malformed)?;
        Ok(Some(json!({"s": subject, "v": value})))
    })
}

/// Whether a personal value of an opened payload was erased.
pub(super) fn has_erased(payload: &Value) -> bool {
    let mut found = false;
    let seen = visit(payload, &mut |form| {
        found |= form.contains_key("erased");
        Ok(())
    });
    seen.is_ok() && found
}

/// The same for somebody else, with what opens each value. The secrets of webhooks, which are sealed as if they were
/// personal, are withheld.
pub(super) fn disclose<'a>(
    payload: &mut Value,
    event: EventId,
    key_of: &impl Fn(Uuid) -> Option<&'a DataKey>,
) -> Result<Vec<Opening>, SealError> {
    let mut openings = vec![];
    replace(payload, &mut String::new(), &mut |form, path| {
        let Some(Sealed { subject, sealed, key }) = sealed(form, key_of)? else { return Ok(None) };
        if matches!(subject, Subject::Webhook(_)) {
            return Ok(Some(json!({"s": subject, "withheld": true})));
        }
        let Some(key) = key else { return Ok(Some(json!({"s": subject, "erased": true}))) };
        let key = key.of_value(&sealed).ok_or(SealError::Malformed)?;
        let plain = key.open(&place(event, path), &sealed).map_err(|_| SealError::DoesNotOpen)?;
        let value: Value = serde_json::from_slice(&plain).map_err(|_| SealError::Malformed)?;
        openings.push(Opening { path: path.to_owned(), key });
        Ok(Some(json!({"s": subject, "v": value})))
    })?;
    Ok(openings)
}

/// A value as it is stored.
struct Sealed<'a> {
    subject: Subject,
    sealed: Vec<u8>,
    /// `None` once destroyed.
    key: Option<&'a SealingKey>,
}

/// What was sealed; nothing where there was nothing any more.
fn sealed<'a>(
    form: &Map<String, Value>,
    key_of: &impl Fn(Uuid) -> Option<&'a DataKey>,
) -> Result<Option<Sealed<'a>>, SealError> {
    let subject = subject_of(form)?;
    let sealed = match (form.get("c"), form.get("erased"), form.len()) {
        (Some(Value::String(sealed)), None, 3) => sealed,
        (None, Some(Value::Bool(true)), 2) => return Ok(None),
        _ if form.contains_key("v") => return Err(SealError::InClear),
        _ => return Err(SealError::Malformed),
    };
    let data_key = key_of(key_id_of(form)?);
    if data_key.is_some_and(|data_key| data_key.subject != subject) {
        return Err(SealError::DoesNotOpen);
    }
    let key = data_key.and_then(|data_key| data_key.key.as_ref());
    let sealed = BASE64.decode(sealed).map_err(|_| SealError::Malformed)?;
    Ok(Some(Sealed { subject, sealed, key }))
}

fn place(event: EventId, path: &str) -> Vec<u8> {
    [event.uuid().as_bytes(), path.as_bytes()].concat()
}

fn subject_of(form: &Map<String, Value>) -> Result<Subject, SealError> {
    form.get("s").and_then(Value::as_str).and_then(|text| text.parse().ok()).ok_or(SealError::Malformed)
}

fn key_id_of(form: &Map<String, Value>) -> Result<Uuid, SealError> {
    form.get("k").and_then(Value::as_str).and_then(|text| text.parse().ok()).ok_or(SealError::Malformed)
}

/// The inside of a personal value: of an object whose only key is the mark.
fn form_of(value: &Value) -> Option<Result<&Map<String, Value>, SealError>> {
    let inside = value.as_object().filter(|object| object.len() == 1)?.get(PERSONAL_MARK)?;
    Some(inside.as_object().ok_or(SealError::Malformed))
}

/// Shows every personal value, and does not look into it: whatever a caller put inside is theirs.
fn visit(
    value: &Value,
    see: &mut impl FnMut(&Map<String, Value>) -> Result<(), SealError>,
) -> Result<(), SealError> {
    if let Some(form) = form_of(value) {
        return see(form?);
    }
    match value {
        Value::Object(object) => object.values().try_for_each(|inner| visit(inner, see)),
        Value::Array(array) => array.iter().try_for_each(|inner| visit(inner, see)),
        _ => Ok(()),
    }
}

/// The same, with each one's JSON pointer, and puts back what it is given.
fn replace(
    value: &mut Value,
    path: &mut String,
    put: &mut impl FnMut(&Map<String, Value>, &str) -> Result<Option<Value>, SealError>,
) -> Result<(), SealError> {
    if let Some(form) = form_of(value) {
        if let Some(replacement) = put(form?, path)? {
            *value = json!({ PERSONAL_MARK: replacement });
        }
        return Ok(());
    }
    let length = path.len();
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                path.push('/');
                path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                replace(inner, path, put)?;
                path.truncate(length);
            }
        }
        Value::Array(array) => {
            for (index, inner) in array.iter_mut().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                replace(inner, path, put)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
#[path = "sealing_tests.rs"]
mod tests;
