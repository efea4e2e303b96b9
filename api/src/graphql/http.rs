//! GraphQL over HTTP: `POST /graphql` with a JSON body, `GET /graphql?query=` for what changes nothing, and the schema.

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response as Answer, ServerError, Value, Variables};
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
use super::page;
use super::request::ready;
use crate::error::{ApiError, Code};
use crate::extract::{Body, BodyLimit, Form, FromForm, Query};
use crate::router::Guard;
use crate::state::App;

/// Largest body, or message of a socket: what the largest bulk of messages takes, and its query.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024 + 64 * 1024;

/// `/graphql`, for any key: its fields ask for the scopes. The schema is for everybody.
pub fn routes(guard: Guard<'_>) -> Router<App> {
    let bounded = get(by_query).post(by_body).route_layer(Extension(BodyLimit(BODY_LIMIT)));
    let route = guard.takes_sockets(guard.reads_for_any_key(bounded));
    let router = Router::new().route("/graphql", route).route("/graphql/schema", get(schema));
    if guard.serves_graphiql() { router.merge(page::routes()) } else { router }
}

async fn by_body(
    State(app): State<App>,
    asker: Asker,
    accepts: Accepts,
    Body(asked): Body<Asked>,
) -> Result<Response, ApiError> {
    let mut request = Request::from(asked);
    Ok(match ready(&app, asker.workspace(), &mut request) {
        Ok(_) => answer(&app, asker, accepts, request).await,
        Err(refused) => rendered(Answer::from_errors(refused), accepts),
    })
}

/// A link that is followed changes nothing: mutations are posted.
async fn by_query(
    State(app): State<App>,
    asker: Asker,
    accepts: Accepts,
    parts: Parts,
) -> Result<Response, ApiError> {
    let mut request = Request::from(asked(parts.uri.query().unwrap_or_default())?);
    match ready(&app, asker.workspace(), &mut request) {
        Ok(OperationType::Mutation) => {
            let refused = ApiError::new(Code::MethodNotAllowed, "A mutation must be sent by POST");
            Ok(([(header::ALLOW, "POST")], refused).into_response())
        }
        Ok(_) => Ok(answer(&app, asker, accepts, request).await),
        Err(refused) => Ok(rendered(Answer::from_errors(refused), accepts)),
    }
}

async fn schema() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], super::sdl()).into_response()
}

async fn answer(app: &App, asker: Asker, accepts: Accepts, request: Request) -> Response {
    let bill = Bill::default();
    let loaders = loaders(asker.app.clone(), asker.workspace());
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

/// What is asked.
struct Asked {
    /// Empty where its hash is shown instead.
    query: String,
    operation_name: Option<String>,
    variables: Map<String, serde_json::Value>,
    extensions: Map<String, serde_json::Value>,
}

impl From<Asked> for Request {
    fn from(asked: Asked) -> Self {
        let variables = Variables::from_json(asked.variables.into());
        let mut request = Self::new(asked.query).variables(variables);
        let extensions = asked.extensions.into_iter();
        request
            .extensions
            .extend(extensions.filter_map(|(name, value)| Some((name, Value::from_json(value).ok()?))));
        match asked.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        }
    }
}

impl FromForm for Asked {
    fn from_form(form: &mut Form) -> Option<Self> {
        let extensions = form.object("extensions");
        let is_known = extensions.as_ref().is_some_and(|extensions| is_known(extensions.as_ref()));
        let query = if is_known {
            form.optional("query").map(Option::unwrap_or_default)
        } else {
            form.required("query")
        };
        let operation_name = form.optional("operationName");
        let variables = form.object("variables");
        // Clients add what is theirs.
        drop(form.rest());
        Some(Self {
            query: query?,
            operation_name: operation_name?,
            variables: variables?.unwrap_or_default(),
            extensions: extensions?.unwrap_or_default(),
        })
    }
}

/// Whether the hash of a document may stand for it.
fn is_known(extensions: Option<&Map<String, serde_json::Value>>) -> bool {
    extensions.is_some_and(|extensions| extensions.contains_key("persistedQuery"))
}

fn asked(query: &str) -> Result<Asked, ApiError> {
    let mut query = Query::new(query);
    let document = query.text("query").flatten();
    let operation_name = query.text("operationName").flatten();
    let variables = object(&mut query, "variables");
    let extensions = object(&mut query, "extensions");
    if document.is_none() && !is_known(Some(&extensions)) {
        query.wrong("query", "must be given");
    }
    query.close()?;
    Ok(Asked { query: document.unwrap_or_default(), operation_name, variables, extensions })
}

/// A JSON object in an address; nothing of it when it is wrong, which the query has noted.
fn object(query: &mut Query, name: &str) -> Map<String, serde_json::Value> {
    let text = query.text(name).flatten().filter(|text| !text.is_empty());
    match text.map(|text| serde_json::from_str(&text)) {
        Some(Ok(object)) => object,
        Some(Err(_)) => {
            query.wrong(name, "must be a JSON object");
            Map::new()
        }
        None => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_in_an_address_is_read_whole_and_what_is_wrong_named() {
        let read = asked("query=%7Ba%7D&operationName=A&variables=%7B%22x%22:1%7D").unwrap();
        assert_eq!((read.query.as_str(), read.operation_name.as_deref()), ("{a}", Some("A")));
        assert_eq!(read.variables["x"], 1);
        let refused = asked("variables=[]&surplus=1").err().unwrap();
        let fields: Vec<_> = refused.details().iter().map(|detail| detail.field.as_str()).collect();
        assert_eq!(fields, ["variables", "query", "surplus"]);
    }
}
