//! The error answers: one for each status, with the codes of the catalogue that come with it.

use serde_json::{Map, Value, json};

use super::conventions::{Route, reference};
use crate::error::Code;

/// Every status that errors have, as a response to refer to.
pub fn responses() -> Map<String, Value> {
    let mut statuses: Vec<u16> = Code::ALL.iter().map(|code| code.status().as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.into_iter().map(|status| (name(status), response(status))).collect()
}

fn response(status: u16) -> Value {
    let codes: Vec<Code> = Code::ALL.into_iter().filter(|code| code.status().as_u16() == status).collect();
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let meanings: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.name(), code.meaning())).collect();
    let schema = json!({
        "allOf": [
            reference("schemas", "Refusal"),
            {"properties": {"error": {"properties": {"code": {"enum": names}}}}}
        ]
    });
    let mut content = json!({"schema": schema});
    if status == 422 {
        content["example"] = example();
    }
    json!({"description": meanings.join("\n\n"), "content": {"application/json": content}})
}

/// As the reference prints it.
fn example() -> Value {
    json!({
        "success": false,
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "The 'email' field is required",
            "details": [{"field": "email", "message": "Required field"}]
        }
    })
}

/// The envelope of an error.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "description": "An error",
        "required": ["success", "error"],
        "properties": {"success": {"const": false}, "error": reference("schemas", "Problem")}
    })
}

/// What can go wrong with any request of a route, by what the route takes.
pub fn of(route: &Route<'_>) -> Vec<u16> {
    let mut statuses = vec![414, 431, 500, 503];
    if route.asks_for_a_key() {
        statuses.extend([401, 403, 429]);
    }
    if route.names_something() {
        statuses.push(404);
    }
    if route.writes() {
        // With an idempotency key the body is read, whether the route takes one or not.
        statuses.extend([400, 408, 409, 413, 422]);
    }
    if route.takes_a_body() {
        statuses.push(415);
    }
    if route.takes("If-Match") {
        statuses.push(412);
    }
    if route.takes_a_query() {
        statuses.push(422);
    }
    statuses
}

/// What the response is called.
pub fn name(status: u16) -> String {
    format!("Error{status}")
}
