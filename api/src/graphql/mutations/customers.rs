//! Changes of customers.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use futures::FutureExt;
use interflow_application::{Certificate, CreateCustomer, DeleteCustomer, PatchCustomer, ReplaceCustomer};
use interflow_domain::CustomerId;
use interflow_domain::customer::Destroyed;
use interflow_domain::workspace::Scope;
use serde::Serialize;
use serde_json::Value;

use super::CHANGE;
use super::payloads::{CustomerPayload, DeletedPayload};
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::scalars::Long;
use crate::rest::v1::customers::customer_of;
use crate::rest::v1::erasure::Erasure;
use crate::time::Timestamp;

/// What is known of a customer. One of `email` and `phone` must be there.
#[derive(InputObject, Serialize)]
pub struct CreateCustomerInput {
    /// The name.
    name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The telephone number with country code; `+`, blanks, dashes and brackets are removed.
    phone: Option<String>,
    /// The id in your own system.
    external_id: Option<String>,
    /// Labels, 50 at most.
    tags: Option<Vec<String>>,
    /// Free fields, as a JSON object of 16 KiB at most.
    attributes: Option<Value>,
}

/// All that is to be known of a customer: what is left out is removed.
#[derive(InputObject, Serialize)]
pub struct ReplaceCustomerInput {
    /// The customer's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the customer has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// The name.
    name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The telephone number with country code.
    phone: Option<String>,
    /// The id in your own system.
    external_id: Option<String>,
    /// Labels, 50 at most.
    tags: Option<Vec<String>>,
    /// Free fields, as a JSON object of 16 KiB at most.
    attributes: Option<Value>,
}

/// What is to change of a customer: what is left out stays, null removes.
#[derive(InputObject, Serialize)]
pub struct UpdateCustomerInput {
    /// The customer's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the customer has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// The name.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    name: MaybeUndefined<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    email: MaybeUndefined<String>,
    /// The telephone number with country code.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    phone: MaybeUndefined<String>,
    /// The id in your own system.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    external_id: MaybeUndefined<String>,
    /// Labels; the whole list is replaced.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    tags: MaybeUndefined<Vec<String>>,
    /// Free fields, as a JSON object; all of them are replaced.
    #[serde(skip_serializing_if = "MaybeUndefined::is_undefined")]
    attributes: MaybeUndefined<Value>,
}

/// Which customer is to be deleted.
#[derive(InputObject)]
pub struct DeleteCustomerInput {
    /// The customer's id.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the customer has another version.
    expected_version: Option<Long>,
}

/// Who is to be forgotten for ever.
#[derive(InputObject, Serialize)]
pub struct EraseCustomerInput {
    /// The customer's id; a deleted one may be erased too.
    #[serde(skip)]
    id: ID,
    /// Why, in the record of it: an identifier such as `ticket:4711`, nothing personal.
    reason: Option<String>,
}

/// What proves an erasure. Nothing of it is personal.
#[derive(SimpleObject)]
pub struct ErasureCertificate {
    /// The event that records it, in the audit trail for ever.
    event_id: ID,
    /// Its place in the workspace's log.
    position: Long,
    /// Who was erased.
    customer_id: ID,
    /// When.
    erased_at: Timestamp,
    /// Why.
    reason: Option<String>,
    /// What was destroyed.
    destroyed: DestroyedCounts,
}

/// What was destroyed.
#[derive(SimpleObject)]
pub struct DestroyedCounts {
    /// The data keys, by their ids: what is sealed under them can be read by nobody.
    data_keys: Vec<ID>,
    /// Messages that lost their content and number.
    messages: Long,
    /// Chats that lost their preview.
    chats: Long,
    /// Sends that were waiting, and failed with the reason `customer_erased`.
    sends: Long,
    /// Attempts of webhook deliveries that lost what the receiver answered.
    webhook_attempts: Long,
    /// Answers kept for repeated requests.
    answers: Long,
    /// Keys and messages in flight of the WhatsApp sessions.
    whatsapp_keys: Long,
}

/// What became of an erasure.
#[derive(SimpleObject)]
pub struct ErasurePayload {
    /// What proves it.
    certificate: ErasureCertificate,
}

impl From<Certificate> for ErasurePayload {
    fn from(certificate: Certificate) -> Self {
        let Destroyed { data_keys, messages, chats, sends, webhook_attempts, answers, whatsapp_keys } =
            certificate.destroyed;
        let destroyed = DestroyedCounts {
            data_keys: data_keys.iter().map(|key| key.to_string().into()).collect(),
            messages: Long(messages),
            chats: Long(chats),
            sends: Long(sends),
            webhook_attempts: Long(webhook_attempts),
            answers: Long(answers),
            whatsapp_keys: Long(whatsapp_keys),
        };
        let certificate = ErasureCertificate {
            event_id: certificate.event.to_string().into(),
            position: Long(certificate.position),
            customer_id: certificate.customer.to_string().into(),
            erased_at: certificate.erased_at.into(),
            reason: certificate.reason.map(|reason| reason.to_string()),
            destroyed,
        };
        Self { certificate }
    }
}

#[derive(Default)]
pub struct CustomerMutation;

#[Object]
impl CustomerMutation {
    /// Creates a customer. Needs `customers:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is known.")] input: CreateCustomerInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<CustomerPayload> {
        needs(context, Scope::CustomersWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = change.call.run(&CreateCustomer { profile: read(&input)? }, customer_of).await?;
            CustomerPayload::of(context, id).await
        })
        .await
    }

    /// Replaces all that is known of a customer. Needs `customers:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn replace_customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be known.")] input: ReplaceCustomerInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<CustomerPayload> {
        needs(context, Scope::CustomersWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<CustomerId>(&input.id)?;
            let expected = version(input.expected_version);
            let id = change
                .call
                .run(&ReplaceCustomer { id, profile: read(&input)?, expected }, customer_of)
                .await?;
            CustomerPayload::of(context, id).await
        })
        .await
    }

    /// Changes some of what is known of a customer. Needs `customers:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn update_customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateCustomerInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<CustomerPayload> {
        needs(context, Scope::CustomersWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<CustomerId>(&input.id)?;
            let expected = version(input.expected_version);
            let id =
                change.call.run(&PatchCustomer { id, patch: read(&input)?, expected }, customer_of).await?;
            CustomerPayload::of(context, id).await
        })
        .await
    }

    /// Deletes a customer: closes its chats, and frees phone and e-mail. Needs `customers:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn delete_customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteCustomerInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<DeletedPayload> {
        needs(context, Scope::CustomersWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<CustomerId>(&input.id)?;
            let expected = version(input.expected_version);
            let id = change.call.run(&DeleteCustomer { id, expected }, customer_of).await?;
            Ok(Some(DeletedPayload::of(id)))
        })
        .await
    }

    /// Erases a customer for ever: destroys the keys under which everything personal is sealed. It cannot be taken back;
    /// the second time it gives the same certificate. Needs `customers:erase`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn erase_customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who.")] input: EraseCustomerInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<ErasurePayload> {
        needs(context, Scope::CustomersErase, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<CustomerId>(&input.id)?;
            let Erasure { reason } = read(&input)?;
            let erase = |context| {
                let (erasures, reason) = (change.app.tenants.erasures.clone(), reason.clone());
                async move { erasures.erase(&context, id, reason).await }.boxed()
            };
            Ok(Some(change.call.again(erase).await?.into()))
        })
        .await
    }
}
