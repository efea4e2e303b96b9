//! What a workspace has and does.

use async_graphql::SimpleObject;
use interflow_application::usage;

use crate::graphql::scalars::Long;

/// What a workspace has, and what went through it.
#[derive(SimpleObject)]
pub struct Usage {
    /// The events in its log.
    events: Long,
    /// Customers that are not deleted.
    customers: Long,
    /// Chats, closed ones among them.
    chats: Long,
    /// Channels that are not deleted.
    channels: Long,
    /// Keys that are not revoked.
    keys: Long,
    /// Messages since the beginning.
    messages: Traffic,
    /// Messages on each of the last 30 days (UTC), the earliest first, today last.
    days: Vec<UsageDay>,
}

/// Messages by their direction.
#[derive(SimpleObject)]
pub struct Traffic {
    /// Those that came in.
    inbound: Long,
    /// Those that were queued, and those that were sent from the phone.
    outbound: Long,
}

/// The messages of a day.
#[derive(SimpleObject)]
pub struct UsageDay {
    /// The day, such as `2026-01-31`.
    date: String,
    /// Its messages.
    messages: Traffic,
}

impl From<usage::Traffic> for Traffic {
    fn from(usage::Traffic { inbound, outbound }: usage::Traffic) -> Self {
        Self { inbound: Long(inbound), outbound: Long(outbound) }
    }
}

impl From<usage::Usage> for Usage {
    fn from(usage: usage::Usage) -> Self {
        let days = usage.days.into_iter();
        Self {
            events: Long(usage.events),
            customers: Long(usage.customers),
            chats: Long(usage.chats),
            channels: Long(usage.channels),
            keys: Long(usage.keys),
            messages: usage.messages.into(),
            days: days
                .map(|(date, told)| UsageDay { date: date.to_string(), messages: told.into() })
                .collect(),
        }
    }
}
