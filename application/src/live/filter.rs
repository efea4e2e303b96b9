use std::collections::BTreeSet;

use interflow_domain::webhook::EventPattern;
use interflow_domain::{ChatId, CustomerId, InstanceId};

use super::{LiveEvent, Signal, SignalKind};
use crate::webhook::Glob;
use crate::webhook::catalogue::PublicType;

const fn bit(public: PublicType) -> u64 {
    1 << public as u32
}

/// What a listener wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The types, a bit each.
    types: u64,
    /// Of this channel, its chats and its messages alone.
    pub channel: Option<InstanceId>,
    /// Of this chat and its messages alone.
    pub chat: Option<ChatId>,
    /// Of this customer, its chats and its messages alone.
    pub customer: Option<CustomerId>,
    /// Signals of customers too.
    pub signals: bool,
    /// The QRs of channels too.
    pub qr: bool,
}

// A bit a type.
const _: () = assert!(PublicType::ALL.len() <= 64);

impl Filter {
    /// Events of these types, of the whole workspace.
    #[must_use]
    pub fn of(wanted: impl Fn(PublicType) -> bool) -> Self {
        let types = PublicType::ALL.iter().filter(|public| wanted(**public));
        let types = types.fold(0, |types, public| types | bit(*public));
        Self { types, channel: None, chat: None, customer: None, signals: false, qr: false }
    }

    /// Events whose types one of these patterns means; of all types when there is none.
    #[must_use]
    pub fn matching(patterns: &BTreeSet<EventPattern>) -> Self {
        let matches = |public: PublicType| {
            patterns.is_empty() || patterns.iter().any(|pattern| Glob::new(pattern).matches(public.name()))
        };
        Self::of(matches)
    }

    pub(super) fn wants(&self, event: &LiveEvent) -> bool {
        self.types & bit(event.public) != 0
            && self.channel.is_none_or(|channel| event.channel() == Some(channel))
            && self.chat.is_none_or(|chat| event.chat() == Some(chat))
            && self.customer.is_none_or(|customer| event.customer() == Some(customer))
    }

    pub(super) fn wants_signal(&self, signal: &Signal) -> bool {
        let wanted = match signal.kind {
            SignalKind::Activity(_) => self.signals,
            SignalKind::Qr { .. } => self.qr,
        };
        wanted
            && self.channel.is_none_or(|channel| signal.channel == channel)
            && self.chat.is_none_or(|chat| signal.chat == Some(chat))
            && self.customer.is_none_or(|customer| signal.customer == Some(customer))
    }
}
