//! A customer.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use interflow_application::read::{self, ChatSort, Sort};
use interflow_domain::CustomerId;
use interflow_domain::workspace::Scope;
use serde_json::Value;

use super::Chat;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{Nested, Paging};
use crate::graphql::loaders::ChatsOfCustomer;
use crate::graphql::past::{AsOf, Dated};
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// A person who writes to the workspace, or is written to.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Customer {
    /// Its id.
    pub(super) id: ID,
    /// The name.
    name: Option<String>,
    /// The e-mail address.
    email: Option<String>,
    /// The telephone number, with country code.
    phone: Option<String>,
    /// The id in your own system.
    external_id: Option<String>,
    /// Labels.
    tags: Vec<String>,
    /// Free fields, as a JSON object.
    attributes: Value,
    /// Every name the customer is known by.
    identities: Vec<Identity>,
    /// When it was created.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// How many events it has: what `expectedVersion` is compared with.
    version: Long,
    /// As of when this is told; absent where it is the present.
    as_of: Option<AsOf>,
    #[graphql(skip)]
    customer: CustomerId,
}

/// A name that WhatsApp, or you, know a customer by.
#[derive(SimpleObject)]
pub struct Identity {
    /// `phone`, `lid` or `email`.
    kind: String,
    /// The number, LID or address.
    value: String,
}

impl From<read::Customer> for Customer {
    fn from(customer: read::Customer) -> Self {
        let identities = customer.identities().into_iter();
        Self {
            id: customer.id.to_string().into(),
            identities: identities
                .map(|identity| Identity { kind: identity.kind.to_owned(), value: identity.value })
                .collect(),
            name: customer.name,
            email: customer.email,
            phone: customer.phone,
            external_id: customer.external_id,
            tags: customer.tags,
            attributes: Value::Object(customer.attributes),
            created_at: customer.created_at.into(),
            updated_at: customer.updated_at.into(),
            version: Long(customer.version),
            as_of: None,
            customer: customer.id,
        }
    }
}

impl Dated<read::Customer> for Customer {
    fn dated(self, as_of: AsOf) -> Self {
        Self { as_of: Some(as_of), ..self }
    }
}

#[ComplexObject]
impl Customer {
    /// The customer's chats, the last active first. Needs `chats:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    async fn chats(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end, or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Told<Connection<Chat>> {
        needs(context, Scope::ChatsRead, async {
            let path = format!("/customers/{}/chats", self.customer);
            let nested =
                Nested::new(&path, Sort::<ChatSort>::USUAL, Paging { first, after, last, before }, context)?;
            let key = ChatsOfCustomer(nested.stretch(self.customer), nested.extent());
            nested.told(context, key, self.as_of).await
        })
        .await
    }
}
