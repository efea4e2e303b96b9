//! How chats are found.

use interflow_application::log::LogError;
use interflow_application::read::{Assigned, Chat, ChatFilter, ChatSort, Listing, Marked};
use interflow_domain::{InstanceId, WorkspaceId};
use sqlx::PgPool;

use super::customers::within;
use super::{Argument, Condition, Gathered, Order, Query};
use crate::read_models::columns::storable;
use crate::read_models::conversations::chats_table::{COLUMNS, TABLE, decode, status_name};

/// The order of every index on chats but the one by creation.
const ACTIVITY: &str = "updated_at, touched_position";

/// `channel` is the one the filter names.
pub(in crate::read_models::reads) async fn chats(
    pool: &PgPool,
    workspace: WorkspaceId,
    channel: Option<InstanceId>,
    listing: &Listing<ChatFilter, ChatSort>,
) -> Result<Marked<Chat>, LogError> {
    let query = query(channel, listing);
    query.page(pool, workspace, (&listing.start, listing.size), |row| decode(row).map(|row| row.view)).await
}

pub(in crate::read_models) fn query(
    channel: Option<InstanceId>,
    listing: &Listing<ChatFilter, ChatSort>,
) -> Query {
    let Listing { filter, sort, .. } = listing;
    // The most telling first: the index of the first is used, the others are tried on what it finds.
    let mut candidates = vec![];
    if let Some(customer) = filter.customer {
        candidates.push(Condition::of("customer_id = ?", Argument::Id(customer.uuid())));
    }
    if let Some(Assigned::To(assignee)) = &filter.assigned {
        let assignee = storable(assignee.as_str()).into_owned();
        candidates.push(Condition::of("coalesce(assignee, '') = ?", Argument::Text(assignee)));
    }
    if filter.unread == Some(true) {
        candidates.push(Condition::new("unread_count > 0", vec![]));
    }
    if filter.assigned == Some(Assigned::ToNobody) {
        // As its index has it: of nothing but a value is the rest of an index in order.
        candidates.push(Condition::new("coalesce(assignee, '') = ''", vec![]));
    }
    if let Some(status) = filter.status {
        candidates.push(Condition::of("status = ?", Argument::Text(status_name(status).to_owned())));
    }
    if let Some(channel) = channel {
        candidates.push(Condition::of("instance_id = ?", Argument::Id(channel.uuid())));
    }
    let active = within("updated_at", &filter.active);
    let mut tried = vec![];
    if filter.unread == Some(false) {
        tried.push(Condition::new("unread_count = 0", vec![]));
    }

    let (table, columns, descending) = (TABLE, COLUMNS, sort.descending);
    match sort.key {
        // Each of these indexes goes on with the activity.
        ChatSort::LastActivity => {
            let order =
                Order { value: "updated_at", is_text: false, position: "touched_position", descending };
            let mut candidates = candidates.into_iter();
            let served = candidates.next().into_iter().chain(active).collect();
            tried.extend(candidates);
            Query { table, columns, order, served, gathered: None, tried }
        }
        ChatSort::CreatedAt => {
            let order =
                Order { value: "created_at", is_text: false, position: "created_position", descending };
            let mut candidates = candidates.into_iter();
            // What an index serves together with the activity is gathered together.
            let condition = match (candidates.next(), active) {
                (Some(condition), Some(active)) => Some(condition.and(active)),
                (condition, active) => condition.or(active),
            };
            tried.extend(candidates);
            let gathered = condition.map(|condition| Gathered { condition, order: Some(ACTIVITY) });
            Query { table, columns, order, served: vec![], gathered, tried }
        }
    }
}
