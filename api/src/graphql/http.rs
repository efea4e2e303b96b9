//! GraphQL over HTTP: `POST /graphql` with a JSON body, `GET /graphql?query=` for what changes nothing, and the schema.

use async_graphql::parser::types::{OperationDefinition, OperationType, VariableDefinition};
use async_graphql::{Name, Request, Response as Answer, ServerError, Value, Variables};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Serialize;
use serde_json::Map;

use super::asker::Asker;
use super::cost::Bill;
use super::errors::{Accepts, complete};
use super::loaders::loaders;
use crate::error::{ApiError, Code};
use crate::extract::{Body, BodyLimit, Form, FromForm, Query};
use crate::router::Guard;
use crate::state::App;

/// Largest body: what the largest bulk of messages takes, and its query.
const BODY_LIMIT: usize = 2 * 1024 * 1024 + 64 * 1024;

/// `/graphql`, for any key: its fields ask for the scopes. The schema is for everybody.
pub fn routes(guard: Guard<'_>) -> Router<App> {
    let bounded = get(by_query).post(by_body).route_layer(Extension(BodyLimit(BODY_LIMIT)));
    Router::new().route("/graphql", guard.reads_for_any_key(bounded)).route("/graphql/schema", get(schema))
}

async fn by_body(
    State(app): State<App>,
    asker: Asker,
    accepts: Accepts,
    Body(asked): Body<Asked>,
) -> Result<Response, ApiError> {
    Ok(answer(&app, asker, accepts, asked.into()).await)
}

/// A link that is followed changes nothing: mutations are posted.
async fn by_query(
    State(app): State<App>,
    asker: Asker,
    accepts: Accepts,
    parts: Parts,
) -> Result<Response, ApiError> {
    let mut request = Request::from(asked(parts.uri.query().unwrap_or_default())?);
    if changes(&mut request) {
        let refused = ApiError::new(Code::MethodNotAllowed, "A mutation must be sent by POST");
        return Ok(([(header::ALLOW, "POST")], refused).into_response());
    }
    Ok(answer(&app, asker, accepts, request).await)
}

async fn schema() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], super::sdl()).into_response()
}

async fn answer(app: &App, asker: Asker, accepts: Accepts, mut request: Request) -> Response {
    let missing = missing(&mut request);
    if !missing.is_empty() {
        return rendered(Answer::from_errors(missing), accepts);
    }
    let bill = Bill::default();
    let loaders = loaders(app.core.reads.clone(), asker.workspace());
    let request = request.data(asker).data(loaders).data(bill.clone());
    let answer = app.graphql.execute(request).await;
    match bill.settle() {
        Some(Err(refused)) => refused,
        Some(Ok(admission)) => {
            let mut response = rendered(answer, accepts);
            admission.tell(&mut response);
            response
        }
        None => rendered(answer, accepts),
    }
}

/// What is sent: without `data` where nothing was carried out.
#[derive(Serialize)]
struct Shape<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
}

fn rendered(mut answer: Answer, accepts: Accepts) -> Response {
    let failure = complete(&mut answer);
    let refused = answer.data == Value::Null && answer.errors.iter().all(|error| error.path.is_empty());
    let shape = Shape { data: Some(&answer.data).filter(|_| !refused), errors: &answer.errors };
    let body = match serde_json::to_vec(&shape) {
        Ok(body) => body,
        Err(error) => return ApiError::internal(error.to_string()).into_response(),
    };
    let status = match accepts {
        Accepts::GraphqlJson if refused => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let mut response = (status, [(header::CONTENT_TYPE, accepts.content_type())], body).into_response();
    let set = answer.http_headers.iter();
    let set: Vec<(HeaderName, HeaderValue)> =
        set.map(|(name, value)| (name.clone(), value.clone())).collect();
    response.headers_mut().extend(set);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    if let Some(failure) = failure {
        response.extensions_mut().insert(failure);
    }
    response
}

/// The operations that may be meant: one, where the request says which. What cannot be read is refused when it is
/// carried out.
fn meant(request: &mut Request) -> Vec<&OperationDefinition> {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return vec![] };
    let is_meant =
        |given: Option<&Name>| name.as_deref().is_none_or(|name| given.is_none_or(|given| given == name));
    document
        .operations
        .iter()
        .filter(|(given, _)| is_meant(*given))
        .map(|(_, operation)| &operation.node)
        .collect()
}

/// Whether a mutation may be meant.
fn changes(request: &mut Request) -> bool {
    meant(request).iter().any(|operation| operation.ty == OperationType::Mutation)
}

/// The variables that must be given and are not: nothing is carried out without them.
fn missing(request: &mut Request) -> Vec<ServerError> {
    let given = request.variables.clone();
    let [operation] = meant(request)[..] else { return vec![] };
    let required =
        operation.variable_definitions.iter().map(|definition| &definition.node).filter(|definition| {
            let is_given = given.get(&definition.name.node).is_some_and(|value| *value != Value::Null);
            !definition.var_type.node.nullable && definition.default_value.is_none() && !is_given
        });
    let told = |definition: &VariableDefinition| {
        ServerError::new(
            format!("The variable '${}' must be given", definition.name.node),
            Some(definition.name.pos),
        )
    };
    required.map(told).collect()
}

/// What is asked.
struct Asked {
    query: String,
    operation_name: Option<String>,
    variables: Map<String, serde_json::Value>,
}

impl From<Asked> for Request {
    fn from(asked: Asked) -> Self {
        let variables = Variables::from_json(asked.variables.into());
        let request = Self::new(asked.query).variables(variables);
        match asked.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        }
    }
}

impl FromForm for Asked {
    fn from_form(form: &mut Form) -> Option<Self> {
        let query = form.required("query");
        let operation_name = form.optional("operationName");
        let variables = form.object("variables");
        // Clients add what is theirs.
        drop(form.rest());
        Some(Self {
            query: query?,
            operation_name: operation_name?,
            variables: variables?.unwrap_or_default(),
        })
    }
}

fn asked(query: &str) -> Result<Asked, ApiError> {
    let mut query = Query::new(query);
    let document = query.text("query").flatten();
    let operation_name = query.text("operationName").flatten();
    let variables = query.text("variables").flatten();
    drop(query.text("extensions"));
    if document.is_none() {
        query.wrong("query", "must be given");
    }
    let variables = match variables.filter(|text| !text.is_empty()).map(|text| serde_json::from_str(&text)) {
        Some(Ok(variables)) => variables,
        Some(Err(_)) => {
            query.wrong("variables", "must be a JSON object");
            Map::new()
        }
        None => Map::new(),
    };
    query.close()?;
    Ok(Asked { query: document.unwrap_or_default(), operation_name, variables })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_is_known_by_the_operation_that_is_meant() {
        let both = "query A { a } mutation B { b }";
        let changes = |query: &str, name: Option<&str>| {
            let request = Request::new(query);
            changes(&mut match name {
                Some(name) => request.operation_name(name),
                None => request,
            })
        };
        assert!(changes("mutation { a }", None) && changes(both, Some("B")) && changes(both, None));
        assert!(!changes("{ a }", None) && !changes(both, Some("A")) && !changes("{", None));
    }

    #[test]
    fn variables_that_must_be_given_are_missed() {
        let query = "query A($x: Int!, $y: Int! = 1, $z: Int) { a } query B { b }";
        let missing = |variables: serde_json::Value, name: &str| {
            let request = Request::new(query).variables(Variables::from_json(variables)).operation_name(name);
            missing(&mut { request }).len()
        };
        assert_eq!(
            (missing(serde_json::json!({}), "A"), missing(serde_json::json!({"x": null}), "A")),
            (1, 1)
        );
        assert_eq!((missing(serde_json::json!({"x": 1}), "A"), missing(serde_json::json!({}), "B")), (0, 0));
    }

    #[test]
    fn a_query_in_an_address_is_read_whole_and_what_is_wrong_named() {
        let read = asked("query=%7Ba%7D&operationName=A&variables=%7B%22x%22:1%7D").unwrap();
        assert_eq!((read.query.as_str(), read.operation_name.as_deref()), ("{a}", Some("A")));
        assert_eq!(read.variables["x"], 1);
        let refused = asked("variables=[]&surplus=1").err().unwrap();
        let fields: Vec<_> = refused.details().iter().map(|detail| detail.field.as_str()).collect();
        assert_eq!(fields, ["query", "variables", "surplus"]);
    }
}
