//! `/v1/customers`.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use interflow_application::read::{Customer, CustomerFilter, CustomerSort};
use interflow_application::{
    CreateCustomer, DeleteCustomer, PatchCustomer, ProfilePatch, ReplaceCustomer, Resource, ResourceRef,
};
use interflow_domain::CustomerId;
use interflow_domain::customer::ProfileDraft;
use interflow_domain::workspace::Scope;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use crate::envelope::{self, Versioned};
use crate::error::ApiError;
use crate::extract::{
    Body, Call, Form, FromForm, FromQuery, IfMatch, IfNoneMatch, InPath, Listed, Query, When, past_one,
};
use crate::openapi::{bodies, queries, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    let reads = |route| guard.reads(Scope::CustomersRead, route);
    let writes = |route| guard.writes(Scope::CustomersWrite, route);
    Router::new().route("/customers", reads(get(list)).merge(writes(post(create)))).route(
        "/customers/{customer}",
        reads(get(show))
            .merge(writes(put(replace)))
            .merge(writes(patch(change)))
            .merge(writes(delete(remove))),
    )
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(list, create, show, replace, change, remove))]
pub(super) struct Doc;

#[utoipa::path(
    get,
    path = "/v1/customers",
    tag = "Customers",
    operation_id = "listCustomers",
    summary = "List customers",
    params(queries::CustomerQuery, queries::Paging, queries::AsOf),
    responses((status = 200, body = Vec<Shape>)),
    security(("key" = ["customers:read"]))
)]
async fn list(
    State(app): State<App>,
    call: Call,
    asked: Listed<CustomerFilter>,
) -> Result<Response, ApiError> {
    let workspace = call.workspace();
    if let Some(point) = asked.when.point(&app, workspace).await? {
        let customers = app.past.customers(workspace, point.position, &asked.listing).await?;
        return asked.answer_past(point, customers, Shape::from, |customer| customer.id);
    }
    let customers = app.core.reads.customers(workspace, &asked.listing).await?;
    asked.answer(customers, Shape::from)
}

#[utoipa::path(
    post,
    path = "/v1/customers",
    tag = "Customers",
    operation_id = "createCustomer",
    summary = "Create a customer",
    request_body = bodies::CustomerDraft,
    responses((status = 201, body = Shape)),
    security(("key" = ["customers:write"]))
)]
async fn create(
    State(app): State<App>,
    call: Call,
    Body(profile): Body<ProfileDraft>,
) -> Result<Response, ApiError> {
    let id = call.run(&CreateCustomer { profile }, customer_of).await?;
    Ok(envelope::created(format!("/v1/customers/{id}"), &find(&app, &call, id).await?))
}

#[utoipa::path(
    get,
    path = "/v1/customers/{customer}",
    tag = "Customers",
    operation_id = "getCustomer",
    summary = "Get a customer",
    params(queries::AsOf, IfNoneMatch),
    responses((status = 200, body = Shape)),
    security(("key" = ["customers:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<CustomerId>,
    when: When,
    known: IfNoneMatch,
) -> Result<Response, ApiError> {
    if let Some(point) = when.point(&app, call.workspace()).await? {
        let past = app.past.customer(call.workspace(), point.position, id).await?;
        return past_one((point, past), Resource::Customer, &known, |customer| customer.id, Shape::from);
    }
    let customer = find(&app, &call, id).await?;
    Ok(if known.has(&customer) { envelope::not_modified(&customer) } else { envelope::resource(&customer) })
}

#[utoipa::path(
    put,
    path = "/v1/customers/{customer}",
    tag = "Customers",
    operation_id = "replaceCustomer",
    summary = "Update a customer: replace all that is known",
    params(IfMatch),
    request_body = bodies::CustomerDraft,
    responses((status = 200, body = Shape)),
    security(("key" = ["customers:write"]))
)]
async fn replace(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<CustomerId>,
    IfMatch(expected): IfMatch,
    Body(profile): Body<ProfileDraft>,
) -> Result<Response, ApiError> {
    let id = call.run(&ReplaceCustomer { id, profile, expected }, customer_of).await?;
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

#[utoipa::path(
    patch,
    path = "/v1/customers/{customer}",
    tag = "Customers",
    operation_id = "changeCustomer",
    summary = "Change some of what is known of a customer",
    params(IfMatch),
    request_body = bodies::CustomerPatch,
    responses((status = 200, body = Shape)),
    security(("key" = ["customers:write"]))
)]
async fn change(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<CustomerId>,
    IfMatch(expected): IfMatch,
    Body(patch): Body<ProfilePatch>,
) -> Result<Response, ApiError> {
    let id = call.run(&PatchCustomer { id, patch, expected }, customer_of).await?;
    Ok(envelope::resource(&find(&app, &call, id).await?))
}

#[utoipa::path(
    delete,
    path = "/v1/customers/{customer}",
    tag = "Customers",
    operation_id = "deleteCustomer",
    summary = "Delete a customer",
    description = "Closes the chats, and frees phone and e-mail.",
    params(IfMatch),
    responses((status = 200, body = envelope::Deleted)),
    security(("key" = ["customers:write"]))
)]
async fn remove(
    call: Call,
    InPath(id): InPath<CustomerId>,
    IfMatch(expected): IfMatch,
) -> Result<Response, ApiError> {
    let id = call.run(&DeleteCustomer { id, expected }, customer_of).await?;
    Ok(envelope::deleted(id))
}

async fn find(app: &App, call: &Call, id: CustomerId) -> Result<Shape, ApiError> {
    let customer = app.core.reads.customer(call.workspace(), id).await?;
    customer.map(Shape::from).ok_or_else(|| ApiError::no_such(Resource::Customer))
}

/// Which customer a repeated command made or changed.
pub(crate) const fn customer_of(resource: ResourceRef) -> Option<CustomerId> {
    if let ResourceRef::Customer(id) = resource { Some(id) } else { None }
}

impl FromQuery for CustomerFilter {
    type Key = CustomerSort;

    fn from_query(query: &mut Query) -> Option<Self> {
        let phone = query.optional("phone");
        let email = query.optional("email");
        let external_id = query.optional("external_id");
        let tags = query.repeated("tag");
        let words = query.optional("q");
        let (created, updated) = (query.range("created"), query.range("updated"));
        Some(Self {
            phone: phone?,
            email: email?,
            external_id: external_id?,
            tags: tags?.into_iter().collect(),
            words: words?,
            created: created?,
            updated: updated?,
        })
    }
}

impl FromForm for ProfileDraft {
    fn from_form(form: &mut Form) -> Option<Self> {
        let name = form.optional("name");
        let email = form.optional("email");
        let phone = form.optional("phone");
        let external_id = form.optional("external_id");
        let tags = form.texts("tags");
        let attributes = form.object("attributes");
        Some(Self {
            name: name?,
            email: email?,
            phone: phone?,
            external_id: external_id?,
            tags: tags?.unwrap_or_default().into_iter().collect(),
            attributes: attributes?.unwrap_or_default(),
        })
    }
}

impl FromForm for ProfilePatch {
    fn from_form(form: &mut Form) -> Option<Self> {
        let name = form.change("name");
        let email = form.change("email");
        let phone = form.change("phone");
        let external_id = form.change("external_id");
        let (tags_given, attributes_given) = (form.names("tags"), form.names("attributes"));
        let tags = form.texts("tags");
        let attributes = form.object("attributes");
        Some(Self {
            name: name?,
            email: email?,
            phone: phone?,
            external_id: external_id?,
            tags: tags.map(|tags| tags_given.then(|| tags.unwrap_or_default().into_iter().collect()))?,
            attributes: attributes.map(|attributes| attributes_given.then_some(attributes))?,
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Customer)]
pub(super) struct Shape {
    #[schema(value_type = values::CustomerId)]
    id: CustomerId,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    tags: Vec<String>,
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    identities: Vec<Identity>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: u64,
}

#[derive(Serialize, ToSchema)]
struct Identity {
    #[schema(value_type = String)]
    kind: &'static str,
    value: String,
}

impl From<Customer> for Shape {
    fn from(customer: Customer) -> Self {
        let identities = customer.identities().into_iter();
        Self {
            identities: identities.map(|known| Identity { kind: known.kind, value: known.value }).collect(),
            id: customer.id,
            name: customer.name,
            email: customer.email,
            phone: customer.phone,
            external_id: customer.external_id,
            tags: customer.tags,
            attributes: customer.attributes,
            created_at: customer.created_at.into(),
            updated_at: customer.updated_at.into(),
            version: customer.version,
        }
    }
}

impl Versioned for Shape {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}
