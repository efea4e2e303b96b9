//! How messages are found.
//!
//! A message's row changes with each receipt, and an index on what changes would make every receipt pay for all the
//! indexes. So there is none on the status: those that failed are known by a time that hardly any row ever gets, those
//! that are queued by the outbox.

use interflow_application::log::LogError;
use interflow_application::read::{Listing, Marked, Message, MessageFilter, MessageSort};
use interflow_domain::message::MessageStatus;
use interflow_domain::{InstanceId, WorkspaceId};
use sqlx::PgPool;

use super::customers::within;
use super::{Argument, Condition, Gathered, Order, Query, TRIED};
use crate::read_models::columns::bigint;
use crate::read_models::conversations::messages_table::{COLUMNS, TABLE, decode, direction_name};

/// `channel` is the one the filter names.
pub(in crate::read_models::reads) async fn messages(
    pool: &PgPool,
    workspace: WorkspaceId,
    channel: Option<InstanceId>,
    listing: &Listing<MessageFilter, MessageSort>,
) -> Result<Marked<Message>, LogError> {
    let query = query(workspace, channel, listing);
    query.page(pool, workspace, (&listing.start, listing.size), |row| decode(row).map(|row| row.view)).await
}

/// Of messages that were found already, those that got so far.
pub(in crate::read_models) fn that_got(status: Option<MessageStatus>, descending: bool) -> Query {
    let tried = status.map(|status| Condition::of("status = ?", Argument::Text(status.name().to_owned())));
    let tried = tried.into_iter().collect();
    let order = in_order(descending);
    Query { table: TABLE, columns: COLUMNS, order, served: vec![], gathered: None, tried }
}

const fn in_order(descending: bool) -> Order {
    Order { value: "created_at", is_text: false, position: "created_position", descending }
}

pub(in crate::read_models) fn query(
    workspace: WorkspaceId,
    channel: Option<InstanceId>,
    listing: &Listing<MessageFilter, MessageSort>,
) -> Query {
    let Listing { filter, sort, .. } = listing;
    let MessageSort::CreatedAt = sort.key;
    // The most telling first: the index of the first is used, the others are tried on what it finds.
    let mut candidates = vec![];
    if let Some(chat) = filter.chat {
        candidates.push(Condition::of("chat_id = ?", Argument::Id(chat.uuid())));
    }
    if let Some(customer) = filter.customer {
        candidates.push(Condition::of("customer_id = ?", Argument::Id(customer.uuid())));
    }
    if filter.status == Some(MessageStatus::Failed) {
        candidates.push(Condition::new("failed_at IS NOT NULL", vec![]));
    }
    if let Some(channel) = channel {
        candidates.push(Condition::of("instance_id = ?", Argument::Id(channel.uuid())));
    }

    let mut tried = vec![];
    let mut gathered = None;
    if let Some(status) = filter.status {
        tried.push(Condition::of("status = ?", Argument::Text(status.name().to_owned())));
        if status == MessageStatus::Queued && candidates.is_empty() {
            let waiting = "id = ANY(ARRAY(SELECT message_id FROM outbox WHERE workspace_id = ? LIMIT ?))";
            let arguments = vec![Argument::Id(workspace.uuid()), Argument::Number(bigint(TRIED) + 1)];
            gathered = Some(Gathered { condition: Condition::new(waiting, arguments), order: None });
        }
    }
    if let Some(direction) = filter.direction {
        tried.push(Condition::of("direction = ?", Argument::Text(direction_name(direction).to_owned())));
    }
    if let Some(kind) = filter.kind {
        tried.push(Condition::of("kind = ?", Argument::Text(kind.name().to_owned())));
    }
    let mut candidates = candidates.into_iter();
    let served = candidates.next().into_iter().chain(within("created_at", &filter.created)).collect();
    tried.extend(candidates);
    Query { table: TABLE, columns: COLUMNS, order: in_order(sort.descending), served, gathered, tried }
}
