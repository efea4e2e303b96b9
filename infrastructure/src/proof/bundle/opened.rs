//! Whether what a bundle shows in clear is what was sealed.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use interflow_domain::PERSONAL_MARK;
use interflow_vault::ValueKey;
use serde_json::{Map, Value};

use super::line::Line;

const DIFFERS: &str = "what is shown is not what was sealed";

/// Whether what is shown as open is what the payload says, and each sealed value what its key opens.
pub(super) fn opens(line: &Line<'_>) -> Result<(), &'static str> {
    if line.recorded_at.timestamp_micros() != line.recorded_micros {
        return Err("it is shown as of another time");
    }
    let payload: Value = serde_json::from_str(&line.payload).map_err(|_| "its payload is no JSON")?;
    let mut keys = HashMap::new();
    for opening in &line.openings {
        let key = BASE64.decode(&opening.key).ok().and_then(|key| key.try_into().ok());
        keys.insert(opening.path.as_str(), ValueKey::new(key.ok_or("the key of a value is none")?));
    }
    Compared { event: line.event_id.as_bytes(), keys }.same(&payload, &line.opened, &mut String::new())
}

struct Compared<'a> {
    event: &'a [u8],
    /// By the place of the value that they open.
    keys: HashMap<&'a str, ValueKey>,
}

impl Compared<'_> {
    fn same(&self, payload: &Value, shown: &Value, path: &mut String) -> Result<(), &'static str> {
        let length = path.len();
        match (payload, shown) {
            (Value::Object(payload), Value::Object(shown)) if payload.len() == shown.len() => {
                if let (1, Some(form)) = (payload.len(), payload.get(PERSONAL_MARK)) {
                    return self.personal(form, shown.get(PERSONAL_MARK).ok_or(DIFFERS)?, path);
                }
                for (name, inner) in payload {
                    path.push('/');
                    path.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    self.same(inner, shown.get(name).ok_or(DIFFERS)?, path)?;
                    path.truncate(length);
                }
                Ok(())
            }
            (Value::Array(payload), Value::Array(shown)) if payload.len() == shown.len() => {
                for (index, (inner, shown)) in payload.iter().zip(shown).enumerate() {
                    path.push('/');
                    path.push_str(&index.to_string());
                    self.same(inner, shown, path)?;
                    path.truncate(length);
                }
                Ok(())
            }
            (Value::Object(_) | Value::Array(_), _) => Err(DIFFERS),
            (payload, shown) if payload == shown => Ok(()),
            _ => Err(DIFFERS),
        }
    }

    /// A personal value as it is stored, and as it is shown: with what its key opens, or as gone when it has none.
    fn personal(&self, form: &Value, shown: &Value, path: &str) -> Result<(), &'static str> {
        let Some(shown) =
            shown.as_object().filter(|shown| shown.len() == 2 && shown.get("s") == form.get("s"))
        else {
            return Err(DIFFERS);
        };
        let Some(value) = shown.get("v") else { return self.gone(shown, path) };
        let sealed = form.get("c").and_then(Value::as_str).and_then(|sealed| BASE64.decode(sealed).ok());
        let plain = self
            .keys
            .get(path)
            .zip(sealed)
            .and_then(|(key, sealed)| key.open(&[self.event, path.as_bytes()].concat(), &sealed).ok());
        let plain = plain.ok_or("a value does not open with the key that is given")?;
        if serde_json::from_slice::<Value>(&plain).is_ok_and(|plain| plain == *value) {
            Ok(())
        } else {
            Err(DIFFERS)
        }
    }

    fn gone(&self, shown: &Map<String, Value>, path: &str) -> Result<(), &'static str> {
        let says = |why: &str| shown.get(why) == Some(&Value::Bool(true));
        if self.keys.contains_key(path) {
            return Err("a value is shown as gone, and its key is there");
        }
        if says("erased") || says("withheld") { Ok(()) } else { Err(DIFFERS) }
    }
}
