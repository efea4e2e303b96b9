//! What webhooks of the format `standard` are told: the document's `webhooks`, one for each public type, and the schemas
//! of every version of its bodies. They are those that `/v1/events/types/{type}/schema` serves.

use interflow_application::webhook::catalogue::PublicType;
use interflow_application::webhook::schemas::{self, VERSIONS};
use interflow_application::webhook::signing::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use serde_json::{Value, json};

use super::conventions::reference;

/// Adds them to the document.
pub fn describe(document: &mut Value) {
    for (name, description) in [
        (
            ID_HEADER,
            "The delivery's id, the same on every attempt and every replay: what is known by it is done.",
        ),
        (TIMESTAMP_HEADER, "When this attempt began, in seconds of the Unix epoch."),
        (
            SIGNATURE_HEADER,
            "The signatures over `{webhook-id}.{webhook-timestamp}.{body}`, one for each secret in force.",
        ),
    ] {
        document["components"]["parameters"][name] = json!({
            "in": "header", "name": name, "required": true, "description": description, "schema": {"type": "string"},
        });
    }
    for public in PublicType::ALL {
        let versions: Vec<_> =
            VERSIONS.into_iter().filter_map(|version| described(document, *public, version)).collect();
        document["webhooks"][public.name()] = json!({"post": delivery(*public, &versions)});
    }
}

/// Adds the schema of a type's bodies, and of their data, and gives the reference to it.
fn described(document: &mut Value, public: PublicType, version: u16) -> Option<Value> {
    let (data, body) =
        (format!("{}Data.v{version}", public.data().name()), format!("{}.v{version}", public.name()));
    let components = &mut document["components"]["schemas"];
    components[&data] = schemas::data(public.data(), version)?;
    components[&body] = schemas::envelope(public, reference("schemas", &data));
    Some(reference("schemas", &body))
}

fn delivery(public: PublicType, versions: &[Value]) -> Value {
    let headers = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];
    json!({
        "operationId": format!("on.{}", public.name()),
        "tags": ["Webhooks"],
        "summary": public.description(),
        "description": "A delivery to a webhook of the format `standard`, in the schema version that it is pinned to.",
        "parameters": headers.map(|name| reference("parameters", name)),
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": {"oneOf": versions}}},
        },
        "responses": {
            "2XX": {"description": "It was received."},
            "410": {"description": "Nothing more is wanted: the webhook is disabled."},
            "default": {"description": "It is tried again, as the webhook's schedule and `Retry-After` say."},
        },
    })
}
