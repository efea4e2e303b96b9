//! `POST /v1/customers/{customer}/erase`: what cannot be taken back.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use futures::FutureExt;
use interflow_application::Certificate;
use interflow_domain::customer::{Destroyed, ErasureReason};
use interflow_domain::workspace::Scope;
use interflow_domain::{CustomerId, EventId};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, Form, FromForm, InPath, OptionalBody};
use crate::openapi::{bodies, values};
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/customers/{customer}/erase", guard.writes(Scope::CustomersErase, post(erase)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(erase))]
pub(super) struct Doc;

#[utoipa::path(
    post,
    path = "/v1/customers/{customer}/erase",
    tag = "Customers",
    operation_id = "eraseCustomer",
    summary = "Erase a customer for ever",
    description = "Destroys the keys under which everything personal of the customer is sealed, and scrubs what shows it. \
        Works on a deleted customer too; the second time it gives the same certificate. The channels that talked with the \
        customer connect anew.",
    request_body = Option<bodies::Erasure>,
    responses((status = 200, body = Shape)),
    security(("key" = ["customers:erase"]))
)]
async fn erase(
    State(app): State<App>,
    call: Call,
    InPath(id): InPath<CustomerId>,
    OptionalBody(Erasure { reason }): OptionalBody<Erasure>,
) -> Result<Response, ApiError> {
    let erase = |context| {
        let (erasures, reason) = (Arc::clone(&app.tenants.erasures), reason.clone());
        async move { erasures.erase(&context, id, reason).await }.boxed()
    };
    let certificate: Certificate = call.again(erase).await?;
    Ok(envelope::ok(Shape::from(certificate)))
}

/// `{"reason"?}`.
pub(crate) struct Erasure {
    pub(crate) reason: Option<ErasureReason>,
}

impl FromForm for Erasure {
    fn from_form(form: &mut Form) -> Option<Self> {
        Some(Self { reason: form.optional("reason")? })
    }
}

/// What proves an erasure. Nothing of it is personal.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureCertificate)]
struct Shape {
    /// The event that records it, in the audit trail for ever.
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    /// Its place in the workspace's log.
    position: u64,
    #[schema(value_type = values::CustomerId)]
    customer_id: CustomerId,
    erased_at: Timestamp,
    #[schema(value_type = Option<values::ErasureReason>)]
    reason: Option<ErasureReason>,
    destroyed: Counts,
}

/// What was destroyed.
#[derive(Serialize, ToSchema)]
#[schema(as = Destroyed)]
struct Counts {
    /// The data keys, by their ids: what is sealed under them can be read by nobody.
    #[schema(value_type = Vec<String>)]
    data_keys: Vec<Uuid>,
    /// Messages that lost their content and number.
    messages: u64,
    /// Chats that lost their preview.
    chats: u64,
    /// Sends that were waiting, and failed with the reason `customer_erased`.
    sends: u64,
    /// Attempts of webhook deliveries that lost what the receiver answered.
    webhook_attempts: u64,
    /// Answers kept for repeated requests.
    answers: u64,
    /// Keys and messages in flight of the WhatsApp sessions.
    whatsapp_keys: u64,
}

impl From<Certificate> for Shape {
    fn from(certificate: Certificate) -> Self {
        let Destroyed { data_keys, messages, chats, sends, webhook_attempts, answers, whatsapp_keys } =
            certificate.destroyed;
        Self {
            event_id: certificate.event,
            position: certificate.position,
            customer_id: certificate.customer,
            erased_at: certificate.erased_at.into(),
            reason: certificate.reason,
            destroyed: Counts { data_keys, messages, chats, sends, webhook_attempts, answers, whatsapp_keys },
        }
    }
}
