//! What the routes refer to: schemas, the errors, and the parameters and headers that many share.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::conventions::reference;
use super::refusals;

/// All of them: what the handlers named, made strict, and what all routes share.
pub fn all(mut schemas: Value, paths: &Value) -> Value {
    tighten(&mut schemas, paths);
    schemas["Refusal"] = refusals::schema();
    schemas["Meta"] = meta();
    schemas["FeedMeta"] = feed_meta();
    schemas["PastMeta"] = past_meta();
    schemas["AsOfMeta"] = as_of_meta();
    schemas["CursorMeta"] = cursor_meta();
    schemas["TrailMeta"] = trail_meta();
    json!({
        "schemas": schemas,
        "responses": refused(),
        "parameters": known_parameters(),
        "headers": known_headers(),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer <key>`"},
            "apikey": {"type": "apiKey", "in": "header", "name": "apikey", "description": "`apikey: <key>`"}
        }
    })
}

/// What is asked takes no field that nobody asked for; what is answered leaves none out: what is absent is `null`.
fn tighten(schemas: &mut Value, paths: &Value) {
    let asked = reachable(paths, schemas, "requestBody");
    for (name, schema) in schemas.as_object_mut().into_iter().flatten() {
        if asked.contains(name) {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = false.into();
            }
        } else {
            require_all(schema);
        }
    }
}

fn require_all(schema: &mut Value) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<&String> = properties.keys().collect();
        schema["required"] = json!(names);
    }
    for part in schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten() {
        require_all(part);
    }
}

/// The schemas that lie behind every `key` of the paths.
fn reachable(paths: &Value, schemas: &Value, key: &str) -> BTreeSet<String> {
    fn walk(value: &Value, schemas: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(name) =
                    fields.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
                    && found.insert(name.to_owned())
                {
                    walk(&schemas[name], schemas, found);
                }
                fields.values().for_each(|value| walk(value, schemas, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, schemas, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for item in paths.as_object().into_iter().flat_map(Map::values) {
        for operation in item.as_object().into_iter().flat_map(Map::values) {
            walk(&operation[key], schemas, &mut found);
        }
    }
    found
}

fn refused() -> Map<String, Value> {
    let mut responses = refusals::responses();
    for (name, response) in &mut responses {
        let mut names = vec!["X-Request-Id"];
        match name.as_str() {
            "Error401" => names.push("WWW-Authenticate"),
            "Error429" => names.extend(["RateLimit", "RateLimit-Policy", "Retry-After"]),
            "Error409" | "Error503" => names.push("Retry-After"),
            _ => {}
        }
        let headers: Map<String, Value> =
            names.into_iter().map(|name| (name.to_owned(), reference("headers", name))).collect();
        response["headers"] = headers.into();
    }
    responses
}

fn meta() -> Value {
    json!({
        "type": "object",
        "description": "Which part of a list it is",
        "required": ["page", "per_page", "total", "next_cursor"],
        "properties": {
            "page": {"type": ["integer", "null"], "minimum": 1, "description": "The page's number; null when it was asked for by a cursor"},
            "per_page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How many entries a page has"},
            "total": {"type": "integer", "minimum": 0, "description": "How many the list has: exact to 10,000, unless `total_is_estimate`"},
            "next_cursor": {"type": ["string", "null"], "description": "Where the next page begins; null on the last one"},
            "total_is_estimate": {"const": true, "description": "There only when `total` is an estimate"},
            "as_of": reference("schemas", "AsOfMeta")
        },
        "example": {"page": 1, "per_page": 20, "total": 100, "next_cursor": null}
    })
}

fn past_meta() -> Value {
    json!({
        "type": "object",
        "description": "There only when `as_of` was given",
        "required": ["as_of"],
        "properties": {"as_of": reference("schemas", "AsOfMeta")}
    })
}

fn as_of_meta() -> Value {
    json!({
        "type": "object",
        "description": "As of when the answer is; there only when `as_of` was given",
        "required": ["position", "recorded_at", "erased"],
        "properties": {
            "position": {"type": "integer", "minimum": 0, "description": "The position of the last event that counts: ask for it, and the answer stays the same"},
            "recorded_at": {"type": ["string", "null"], "format": "date-time", "description": "When that event was recorded; null before the first"},
            "erased": {"type": "array", "items": {"type": "string"}, "description": "The ids of what is shown without something personal that was erased since"}
        },
        "example": {"position": 42, "recorded_at": "2026-01-31T12:00:00.000Z", "erased": []}
    })
}

fn feed_meta() -> Value {
    json!({
        "type": "object",
        "description": "How far a part of a feed goes",
        "required": ["next_after", "has_more"],
        "properties": {
            "next_after": {"type": "integer", "minimum": 0, "description": "Where the next part begins: its `after`"},
            "has_more": {"type": "boolean", "description": "Whether there is more already"}
        },
        "example": {"next_after": 42, "has_more": false}
    })
}

fn cursor_meta() -> Value {
    json!({
        "type": "object",
        "description": "Which part of a list it is that is reached by cursors alone",
        "required": ["per_page", "next_cursor", "previous_cursor"],
        "properties": {
            "per_page": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How many entries a page has, at most"},
            "next_cursor": {"type": ["string", "null"], "description": "Where the next page begins; null on the last one"},
            "previous_cursor": {"type": ["string", "null"], "description": "Where the page before is; null on the first one"}
        }
    })
}

fn trail_meta() -> Value {
    json!({
        "type": "object",
        "description": "Which part of a trail it is",
        "required": ["per_page", "next_cursor"],
        "properties": {
            "per_page": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "How many events a page has, at most"},
            "next_cursor": {"type": ["string", "null"], "description": "Where it goes on; null at its end"}
        }
    })
}

fn known_parameters() -> Value {
    let in_path = |name: &str, description: &str, example: &str| {
        json!({
            "name": name, "in": "path", "required": true, "description": description,
            "schema": {"type": "string", "minLength": 1}, "example": example
        })
    };
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    let tag = json!({"type": "string"});
    let key = json!({
        "type": "string",
        "pattern": r#"^([!#-~]([ -~]{0,253}[!-~])?|"[ !#-\[\]-~]{1,255}")$"#
    });
    json!({
        "customer": in_path("customer", "A customer's id, or the UUID of it", "cus_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "chat": in_path("chat", "A chat's id, or the UUID of it", "cht_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "message": in_path("message", "A message's id, or the UUID of it", "msg_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "job": in_path("job", "A job's id, or the UUID of it", "job_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "key": in_path("key", "A key's id, or the UUID of it", "key_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "webhook": in_path("webhook", "A webhook's id, or the UUID of it", "whk_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "delivery": in_path("delivery", "A delivery's id, or the UUID of it", "dlv_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "correlation": in_path("correlation", "The `X-Request-Id` of a request", "req_0198c2f0b6f07c0a8d2e5b7a9c1d3e4f"),
        "type": in_path("type", "The name of a type of event", "message.received"),
        "workspace": in_path("workspace", "A workspace's id or slug", "ana"),
        "aggregate": in_path("aggregate", "`customers`, `chats`, `messages`, `channels`, `webhooks`, `keys` or `workspaces`", "customers"),
        "id": in_path("id", "An id of that kind", "cus_01jh9qzq3te5v9d4xk6w2y8rbn"),
        "channel": in_path("channel", "A channel's id or name", "user_id_001"),
        "tile": in_path("tile", "A level and an index, or `entries` and an index, as in `0/x001/234` and `1/000.p/17`", "0/000.p/1"),
        "name": in_path("name", "An instance's name", "user_id_001"),
        "Idempotency-Key": header(
            "Idempotency-Key",
            "1 to 255 visible ASCII characters, bare or in quotes: for 24 hours the same request with the same key gets \
             the first answer again, and changes nothing",
            key
        ),
        "If-Match": header("If-Match", "The `ETag` the resource must have: else 412", tag.clone()),
        "If-None-Match": header("If-None-Match", "The `ETag` of what the caller has: 304 when it is what there is", tag)
    })
}

fn known_headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let seconds = json!({"description": "Seconds after which to try again", "schema": {"type": "integer", "minimum": 0}});
    let request_id = json!({
        "description": "The request's id: the caller's own, when it sent a fitting one", "required": true,
        "schema": {"type": "string"}
    });
    json!({
        "X-Request-Id": request_id,
        "ETag": text("The version of what is answered, for `If-None-Match` and `If-Match`"),
        "Location": text("Where it is"),
        "Retry-After": seconds,
        "WWW-Authenticate": text("How to show a key"),
        "RateLimit": text("What is left, and for how many seconds: `\"default\";r=42;t=18`; absent where there is no bound"),
        "RateLimit-Policy": text("What the plan allows: `\"default\";q=300;w=60`; absent where there is no bound"),
        "Idempotency-Replayed": {
            "description": "There when it is the first answer again", "schema": {"const": "true"}
        }
    })
}
