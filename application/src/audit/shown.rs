//! What an event says, for people: personal values as they are, what was erased marked, what is secret left out.

use interflow_domain::{PERSONAL_MARK, Subject};
use serde_json::{Map, Value, json};

/// Hashes of secrets, which somebody may have chosen: whoever has the hash can guess.
const HASHES: [&str; 1] = ["secret_sha256"];
/// What of an endpoint is sealed as its own and is no secret.
const URL: &str = "url";

/// A payload whose personal values are open (`{"$p":{"s":…,"v":…}}`), as it is shown, and whether something in it was
/// erased. A value that was erased is `{"erased":true}`, one that is secret `{"redacted":true}`.
#[must_use]
pub fn shown(payload: Value) -> (Value, bool) {
    let mut erased = false;
    let shown = show(payload, "", &mut erased);
    (shown, erased)
}

fn show(value: Value, name: &str, erased: &mut bool) -> Value {
    match value {
        Value::Object(fields) => match personal(&fields) {
            Some(inside) => open(inside, name, erased),
            None => {
                Value::Object(fields.into_iter().map(|(name, value)| field(name, value, erased)).collect())
            }
        },
        Value::Array(values) => values.into_iter().map(|value| show(value, name, erased)).collect(),
        plain => plain,
    }
}

fn field(name: String, value: Value, erased: &mut bool) -> (String, Value) {
    let shown = if HASHES.contains(&&*name) { json!({"redacted": true}) } else { show(value, &name, erased) };
    (name, shown)
}

/// The inside of a personal value: of an object whose only field is the mark.
fn personal(fields: &Map<String, Value>) -> Option<&Map<String, Value>> {
    if fields.len() == 1 { fields.get(PERSONAL_MARK)?.as_object() } else { None }
}

fn open(inside: &Map<String, Value>, name: &str, erased: &mut bool) -> Value {
    let subject = inside.get("s").and_then(Value::as_str).and_then(|text| text.parse().ok());
    match inside.get("v") {
        None => {
            *erased = true;
            json!({"erased": true})
        }
        Some(_) if matches!(subject, Some(Subject::Webhook(_))) && name != URL => json!({"redacted": true}),
        // Whatever a person wrote is theirs: it is not looked into.
        Some(value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use interflow_domain::{CustomerId, WebhookId};

    use super::*;

    fn personal_value(subject: Subject, value: Value) -> Value {
        json!({ PERSONAL_MARK: {"s": subject, "v": value} })
    }

    #[test]
    fn personal_values_are_shown_and_erased_ones_marked() {
        let subject = Subject::Customer(CustomerId::default());
        let tricky = json!({"$p": {"v": "what somebody wrote"}});
        let payload = json!({
            "name": personal_value(subject, json!("Ana")),
            "attributes": personal_value(subject, tricky.clone()),
            "list": [personal_value(subject, json!(1)), 2],
        });
        assert_eq!(shown(payload), (json!({"name": "Ana", "attributes": tricky, "list": [1, 2]}), false));
        let payload = json!({"name": {"$p": {"s": subject, "erased": true}}, "id": 7});
        assert_eq!(shown(payload), (json!({"name": {"erased": true}, "id": 7}), true));
    }

    #[test]
    fn secrets_are_left_out() {
        let subject = Subject::Webhook(WebhookId::default());
        let payload = json!({
            "settings": {
                "url": personal_value(subject, json!("https://example.com/hook")),
                "headers": personal_value(subject, json!({"authorization": "Bearer hidden"})),
            },
            "secret": personal_value(subject, json!("whsec_hidden")),
            "secret_sha256": "00ff",
        });
        let (payload, erased) = shown(payload);
        assert_eq!(payload["settings"]["url"], "https://example.com/hook");
        let redacted = json!({"redacted": true});
        for hidden in [&payload["settings"]["headers"], &payload["secret"], &payload["secret_sha256"]] {
            assert_eq!(hidden, &redacted);
        }
        assert!(!erased && !payload.to_string().contains("hidden"));
    }
}
