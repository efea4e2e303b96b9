//! JSON Schemas of the format `standard`, one for each public type and version.
//!
//! The files hold the shapes of data; the envelope around them is the same for all. A schema that was served never
//! changes: what a receiver could see is a new version, in a folder of its own.

use serde_json::{Value, json};

use super::catalogue::{DataKind, PublicType};

/// The versions there are schemas of.
pub const VERSIONS: [u16; 1] = [1];

/// What the index says of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// The type's name.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// What happened.
    pub description: &'static str,
    /// The version.
    pub version: u16,
}

/// Every schema there is, by version and in the catalogue's order.
pub fn index() -> impl Iterator<Item = Entry> {
    VERSIONS.into_iter().flat_map(|version| {
        PublicType::ALL.iter().map(move |public| Entry {
            name: public.name(),
            description: public.description(),
            version,
        })
    })
}

/// The schema of a type's bodies (JSON Schema 2020-12); nothing in a version that there is not.
#[must_use]
pub fn schema(public: PublicType, version: u16) -> Option<Value> {
    let mut schema = envelope(public, data(public.data(), version)?);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    Some(schema)
}

/// The schema of a type's bodies around that of their data.
#[must_use]
pub fn envelope(public: PublicType, data: Value) -> Value {
    json!({
        "title": public.name(),
        "description": public.description(),
        "type": "object",
        "additionalProperties": false,
        "required": ["type", "timestamp", "data", "sequence", "previous_sequence"],
        "properties": {
            "type": { "const": public.name() },
            "timestamp": {
                "type": "string",
                "format": "date-time",
                "description": "When it happened; the time of the attempt is in the header webhook-timestamp.",
            },
            "data": data,
            "sequence": {
                "type": "integer",
                "minimum": 1,
                "description": "The number of the delivery among those of its endpoint and chat, or resource.",
            },
            "previous_sequence": {
                "type": ["integer", "null"],
                "minimum": 1,
                "description": "The number before it, null for the first: whoever has that one has missed nothing.",
            },
        },
    })
}

/// The schema of data; nothing in a version that there is not.
#[must_use]
pub fn data(kind: DataKind, version: u16) -> Option<Value> {
    serde_json::from_str(text(kind, version)?).ok()
}

const fn text(kind: DataKind, version: u16) -> Option<&'static str> {
    match (version, kind) {
        (1, DataKind::Message) => Some(include_str!("schemas/1/message.json")),
        (1, DataKind::Chat) => Some(include_str!("schemas/1/chat.json")),
        (1, DataKind::Customer) => Some(include_str!("schemas/1/customer.json")),
        (1, DataKind::DeletedCustomer) => Some(include_str!("schemas/1/deleted_customer.json")),
        (1, DataKind::Channel) => Some(include_str!("schemas/1/channel.json")),
        (1, DataKind::Webhook) => Some(include_str!("schemas/1/webhook.json")),
        (1, DataKind::Checkpoint) => Some(include_str!("schemas/1/checkpoint.json")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use boon::{Compiler, Schemas};

    use super::*;
    use crate::webhook::{Numbering, standard, testing};

    fn accepts(schema: &Value, body: &Value) -> Result<(), String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("body.json", schema.clone()).unwrap();
        let compiled = compiler.compile("body.json", &mut schemas).unwrap();
        schemas.validate(body, compiled).map_err(|error| format!("{error:#}\n{body:#}"))
    }

    #[test]
    fn every_body_of_every_stored_event_is_as_its_schema_says() {
        let mut seen = std::collections::BTreeSet::new();
        for materials in testing::everything() {
            let Some(body) = standard::body(&materials, Numbering::nth(3), 1) else { continue };
            let body: Value = serde_json::from_str(&body).unwrap();
            let public = PublicType::by_name(body["type"].as_str().unwrap()).unwrap();
            accepts(&schema(public, 1).unwrap(), &body).unwrap();
            seen.insert(public);
        }
        assert_eq!(seen.len(), PublicType::ALL.len(), "{seen:?}");
    }

    #[test]
    fn a_body_with_a_field_too_many_or_too_few_is_not() {
        let materials = testing::received();
        let whole: Value =
            serde_json::from_str(&standard::body(&materials, Numbering::nth(1), 1).unwrap()).unwrap();
        let schema = schema(PublicType::MessageReceived, 1).unwrap();
        accepts(&schema, &whole).unwrap();
        for pointer in ["", "/data"] {
            let fields = whole.pointer(pointer).unwrap().as_object().unwrap().clone();
            for name in fields.keys() {
                let mut body = whole.clone();
                body.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                assert!(accepts(&schema, &body).is_err(), "{pointer}/{name}");
            }
            let mut body = whole.clone();
            body.pointer_mut(pointer).unwrap()["more"] = json!(1);
            assert!(accepts(&schema, &body).is_err());
        }
    }

    #[test]
    fn there_is_a_schema_for_each_entry_of_the_index() {
        for entry in index() {
            let public = PublicType::by_name(entry.name).unwrap();
            assert_eq!(schema(public, entry.version).unwrap()["title"], entry.name);
        }
        assert_eq!(schema(PublicType::MessageSent, 2), None);
    }
}
