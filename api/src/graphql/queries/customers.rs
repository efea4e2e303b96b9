//! Customers.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use interflow_application::read::{CustomerSort as Key, Sort};
use interflow_domain::CustomerId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use crate::graphql::asker::Asker;
use crate::graphql::connection::Connection;
use crate::graphql::cost::page;
use crate::graphql::guard::{Told, needs};
use crate::graphql::listing::{Asked, Paging};
use crate::graphql::past::{AsOf, by_id_as_of};
use crate::graphql::types::Customer;
use crate::time::Timestamp;

/// Which customers: those that fit all of it.
#[derive(InputObject, Serialize)]
pub struct CustomerFilter {
    /// Who has the number.
    phone: Option<String>,
    /// Who has the address, in whatever case.
    email: Option<String>,
    /// Who has the id in your own system.
    external_id: Option<String>,
    /// Who has all of these labels.
    tag: Option<Vec<String>>,
    /// Who has all of these words, 10 at most, in name, e-mail, phone or external id.
    q: Option<String>,
    /// Created later than.
    created_after: Option<Timestamp>,
    /// Created earlier than.
    created_before: Option<Timestamp>,
    /// Changed later than.
    updated_after: Option<Timestamp>,
    /// Changed earlier than.
    updated_before: Option<Timestamp>,
}

/// In which order customers are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum CustomerSort {
    /// The newest first.
    CreatedAtDesc,
    /// The oldest first.
    CreatedAtAsc,
    /// The last changed first.
    UpdatedAtDesc,
    /// The first changed first.
    UpdatedAtAsc,
    /// By name, without regard to case and accents of Latin letters; those without one last.
    NameAsc,
    /// By name, backwards; those without one first.
    NameDesc,
}

impl From<CustomerSort> for Sort<Key> {
    fn from(sort: CustomerSort) -> Self {
        let (key, descending) = match sort {
            CustomerSort::CreatedAtDesc => (Key::CreatedAt, true),
            CustomerSort::CreatedAtAsc => (Key::CreatedAt, false),
            CustomerSort::UpdatedAtDesc => (Key::UpdatedAt, true),
            CustomerSort::UpdatedAtAsc => (Key::UpdatedAt, false),
            CustomerSort::NameAsc => (Key::Name, false),
            CustomerSort::NameDesc => (Key::Name, true),
        };
        Self { key, descending }
    }
}

#[derive(Default)]
pub struct CustomerQuery;

#[Object]
impl CustomerQuery {
    /// The customers, newest first unless another order is asked for. Needs `customers:read`.
    #[graphql(complexity = "page(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of a field")]
    async fn customers(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "How many entries from the beginning, or behind `after`: 1 to 100, 20 when it is left out."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only what comes behind this cursor.")] after: Option<String>,
        #[graphql(desc = "How many entries from the end, or before `before`: 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them; all without it.")] filter: Option<CustomerFilter>,
        #[graphql(desc = "In which order.")] sort: Option<CustomerSort>,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Connection<Customer>> {
        needs(context, Scope::CustomersRead, async {
            let asker = Asker::of(context)?;
            let paging = Paging { first, after, last, before };
            let asked = Asked::new("/customers", filter.as_ref(), sort.map(Sort::from), paging)?;
            if let Some(as_of) = AsOf::said(asker, as_of).await? {
                let (workspace, at) = (asker.workspace(), as_of.place());
                let customers = asker.app.past.customers(workspace, at, &asked.listing).await?;
                return Ok(Some(asked.answer_past(asker, as_of, customers)));
            }
            let customers = asker.app.core.reads.customers(asker.workspace(), &asked.listing).await?;
            Ok(Some(asked.answer(asker, customers, Customer::from)))
        })
        .await
    }

    /// A customer. Needs `customers:read`.
    async fn customer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(
            desc = "As of when: a position of the log, or a time in RFC 3339. Of the present without it."
        )]
        as_of: Option<String>,
    ) -> Told<Customer> {
        needs(context, Scope::CustomersRead, async {
            let Ok(id) = id.parse::<CustomerId>() else { return Ok(None) };
            by_id_as_of(context, id, AsOf::said(Asker::of(context)?, as_of).await?).await
        })
        .await
    }
}
