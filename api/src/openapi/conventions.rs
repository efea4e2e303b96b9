//! What holds for every route, and is therefore said by none: the envelope, the errors, the headers, both ways to show a
//! key, how one call leads to the next.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{components, refusals};

/// The operations that what a path makes leads to.
type Created = BTreeMap<String, Vec<Value>>;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Completes what the handlers said.
pub fn apply(document: &mut Value) {
    let schemas = document["components"]["schemas"].take();
    let created = created_at(&document["paths"]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get_mut(method) {
                    complete(path, method, operation, &schemas, &created);
                }
            }
        }
    }
    document["components"] = components::all(schemas, &document["paths"]);
}

/// A route, as far as its handler described it.
pub struct Route<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

impl Route<'_> {
    /// Whether it is for holders of a key.
    pub fn asks_for_a_key(&self) -> bool {
        self.operation.get("security").is_some()
    }

    /// Whether its path names something that may not be there.
    pub fn names_something(&self) -> bool {
        self.path.contains('{')
    }

    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        self.method != "get"
    }

    /// Whether it takes a body.
    pub fn takes_a_body(&self) -> bool {
        self.operation.get("requestBody").is_some()
    }

    /// Whether it reads query parameters.
    pub fn takes_a_query(&self) -> bool {
        self.parameters().any(|parameter| parameter["in"] == "query")
    }

    /// Whether it heeds a header, or a parameter of the query.
    pub fn takes(&self, name: &str) -> bool {
        self.parameters().any(|parameter| parameter["name"] == name)
    }

    fn parameters(&self) -> impl Iterator<Item = &Value> {
        self.operation["parameters"].as_array().into_iter().flatten()
    }

    fn is_enveloped(&self) -> bool {
        self.path.starts_with("/v1/") || self.path.starts_with("/health/")
    }
}

/// A reference to a component.
pub fn reference(kind: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{kind}/{name}")})
}

fn complete(path: &str, method: &str, operation: &mut Value, schemas: &Value, created: &Created) {
    let route = Route { path, method, operation };
    let (statuses, responses) = (refusals::of(&route), responses(&route, schemas, created));
    let (parameters, security) = (parameters(&route), security(&route));
    operation["responses"] = Value::Object(responses);
    for status in statuses {
        operation["responses"][status.to_string()] = reference("responses", &refusals::name(status));
    }
    operation["security"] = security;
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
}

/// The same scope by either header. A route for everybody says so.
fn security(route: &Route<'_>) -> Value {
    match &route.operation["security"][0]["key"] {
        Value::Null => json!([]),
        scopes => json!([{"bearer": scopes}, {"apikey": scopes}]),
    }
}

/// What the path names, what the handler takes, and what every route of its kind does.
fn parameters(route: &Route<'_>) -> Vec<Value> {
    let named = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = named.map(|name| reference("parameters", name)).collect();
    for parameter in route.parameters() {
        parameters.push(match (parameter["in"].as_str(), parameter["name"].as_str()) {
            (Some("header"), Some(name)) => reference("parameters", name),
            _ => parameter.clone(),
        });
    }
    if route.writes() {
        parameters.push(reference("parameters", "Idempotency-Key"));
    }
    parameters
}

fn responses(route: &Route<'_>, schemas: &Value, created: &Created) -> Map<String, Value> {
    let mut responses = Map::new();
    for (status, said) in route.operation["responses"].as_object().into_iter().flatten() {
        if status.starts_with(['4', '5']) {
            let name = format!("Error{status}");
            responses.insert(status.clone(), reference("responses", &name));
            continue;
        }
        let mut response = said.clone();
        let is_tagged = route.takes("If-None-Match") || (route.writes() && is_versioned(&response, schemas));
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = meaning(status).into();
        }
        if route.is_enveloped() {
            envelop(&mut response, route.takes("as_of"));
        }
        response["headers"] = Value::Object(headers(route, status, is_tagged));
        if matches!(&**status, "201" | "202")
            && let Some(links) = created.get(route.path)
        {
            response["links"] = links.iter().map(link).collect::<Map<String, Value>>().into();
        }
        responses.insert(status.clone(), response);
    }
    if route.takes("If-None-Match") {
        let headers = headers(route, "304", true);
        let unchanged =
            json!({"description": "What the `If-None-Match` names is what there is", "headers": headers});
        responses.insert("304".to_owned(), unchanged);
    }
    responses
}

fn meaning(status: &str) -> &'static str {
    match status {
        "201" => "It was made",
        "202" => "It will be done",
        _ => "Done",
    }
}

/// `{"success":true,"data":…}`, with `meta` where the data is a list, or may be of the past.
fn envelop(response: &mut Value, may_be_past: bool) {
    let Some(content) = response["content"].get_mut("application/json") else { return };
    let data = content["schema"].take();
    let mut properties = json!({"success": {"const": true}, "data": data});
    let mut required = vec!["success", "data"];
    if properties["data"]["type"] == "array" {
        properties["meta"] = reference("schemas", "Meta");
        required.push("meta");
    }
    if properties.get("meta").is_none() && may_be_past {
        properties["meta"] = reference("schemas", "PastMeta");
    }
    let meta = match properties["data"]["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        Some("Feed") => Some("FeedMeta"),
        Some("AuditEvents" | "AuditReads" | "History") => Some("CursorMeta"),
        Some("Correlation") => Some("TrailMeta"),
        _ => None,
    };
    if let Some(meta) = meta {
        properties["meta"] = reference("schemas", meta);
        required.push("meta");
    }
    content["schema"] = json!({"type": "object", "required": required, "properties": properties});
}

/// Whether what is answered has a version, and so the answer an `ETag`.
fn is_versioned(response: &Value, schemas: &Value) -> bool {
    fn has(schema: &Value, schemas: &Value) -> bool {
        let named = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        named.is_some_and(|name| has(&schemas[name], schemas))
            || schema["properties"].get("version").is_some()
            || schema["allOf"].as_array().into_iter().flatten().any(|part| has(part, schemas))
    }
    has(&response["content"]["application/json"]["schema"], schemas)
}

fn headers(route: &Route<'_>, status: &str, is_tagged: bool) -> Map<String, Value> {
    let mut names = vec!["X-Request-Id"];
    if route.asks_for_a_key() {
        names.extend(["RateLimit", "RateLimit-Policy"]);
    }
    if route.writes() {
        names.push("Idempotency-Replayed");
    }
    if is_tagged {
        names.push("ETag");
    }
    // What would have been made, and was there, is told where it is as well.
    if matches!(status, "201" | "202") || route.operation["responses"].get("201").is_some() {
        names.push("Location");
    }
    names.into_iter().map(|name| (name.to_owned(), reference("headers", name))).collect()
}

/// What can be called with the id of what was made, by the path that made it.
fn created_at(paths: &Value) -> Created {
    let mut created = Created::new();
    for (path, item) in paths.as_object().into_iter().flatten() {
        let Some((collection, rest)) = path.split_once("/{") else { continue };
        let making = match collection {
            "/v1/messages" => "/v1/messages/send",
            "/v1/jobs" => "/v1/messages/bulk",
            collection => collection,
        };
        let parameter = rest.split('}').next().unwrap_or_default();
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            let follower = json!({"to": operation["operationId"], "parameter": parameter});
            created.entry(making.to_owned()).or_default().push(follower);
        }
    }
    created
}

fn link(follower: &Value) -> (String, Value) {
    let operation = follower["to"].as_str().unwrap_or_default().to_owned();
    let parameter = follower["parameter"].as_str().unwrap_or_default();
    let link = json!({"operationId": operation, "parameters": {parameter: "$response.body#/data/id"}});
    (operation, link)
}
