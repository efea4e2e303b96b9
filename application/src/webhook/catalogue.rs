//! The public catalogue: which private events are told outside, and as what.
//!
//! Private events are named and shaped for us, and may change; public types are a promise. This file alone connects the
//! two, event by event, with no rest that is caught by default: a new private event is told to nobody until it is
//! written down here as what it is told as, or that it is not.

use interflow_domain::chat::ChatEvent as Chat;
use interflow_domain::checkpoint::CheckpointEvent as Checkpoint;
use interflow_domain::customer::CustomerEvent as Customer;
use interflow_domain::instance::InstanceEvent as Instance;
use interflow_domain::message::MessageEvent as Message;
use interflow_domain::webhook::WebhookEvent as Webhook;

use crate::log::Event;

/// What the data of a public type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataKind {
    /// A message, as `/v1/messages` shows it.
    Message,
    /// A chat, as `/v1/chats` shows it, without what its messages make of it.
    Chat,
    /// A customer, as `/v1/customers` shows it.
    Customer,
    /// A customer that is gone: its id.
    DeletedCustomer,
    /// A channel, as `/v1/channels` shows it.
    Channel,
    /// A webhook: what it is for and how it stands.
    Webhook,
    /// A signed checkpoint of the log.
    Checkpoint,
}

impl DataKind {
    /// The kind's name, where schemas are referred to by name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "Message",
            Self::Chat => "Chat",
            Self::Customer => "Customer",
            Self::DeletedCustomer => "DeletedCustomer",
            Self::Channel => "Channel",
            Self::Webhook => "Webhook",
            Self::Checkpoint => "Checkpoint",
        }
    }
}

macro_rules! public_types {
    ($($(#[doc = $doc:literal])+ $variant:ident, $name:literal, $data:ident;)+) => {
        /// A type of event that endpoints are told of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum PublicType {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl PublicType {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The type's name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What happened, for people who read the documentation.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+
                }
            }

            /// What its data is.
            #[must_use]
            pub const fn data(self) -> DataKind {
                match self {
                    $(Self::$variant => DataKind::$data,)+
                }
            }
        }
    };
}

public_types! {
    /// A message was accepted and waits to be sent.
    MessageQueued, "message.queued", Message;
    /// WhatsApp's server took a message.
    MessageSent, "message.sent", Message;
    /// A message reached the customer's phone.
    MessageDelivered, "message.delivered", Message;
    /// The customer read a message.
    MessageRead, "message.read", Message;
    /// The customer played a voice message.
    MessagePlayed, "message.played", Message;
    /// A message was given up; `status_reason` says why.
    MessageFailed, "message.failed", Message;
    /// A customer wrote.
    MessageReceived, "message.received", Message;
    /// The account's owner wrote on the phone or another linked device.
    MessageEchoed, "message.echoed", Message;
    /// A conversation began.
    ChatOpened, "chat.opened", Chat;
    /// Somebody, or nobody, is in charge of a chat.
    ChatAssigned, "chat.assigned", Chat;
    /// A chat was put aside.
    ChatSnoozed, "chat.snoozed", Chat;
    /// A chat is done.
    ChatClosed, "chat.closed", Chat;
    /// A chat was taken up again.
    ChatReopened, "chat.reopened", Chat;
    /// A chat was read by an agent.
    ChatRead, "chat.read", Chat;
    /// A customer is known.
    CustomerCreated, "customer.created", Customer;
    /// What is known of a customer changed.
    CustomerUpdated, "customer.updated", Customer;
    /// A customer was deleted.
    CustomerDeleted, "customer.deleted", DeletedCustomer;
    /// All that was known of a customer was destroyed: forget what you have been told of it.
    CustomerErased, "customer.erased", DeletedCustomer;
    /// A channel was created.
    ChannelCreated, "channel.created", Channel;
    /// A channel has another name.
    ChannelRenamed, "channel.renamed", Channel;
    /// A channel was asked to connect.
    ChannelConnecting, "channel.connecting", Channel;
    /// A new QR waits to be scanned until `qr_expires_at`; its string is asked for, never sent.
    ChannelQrUpdated, "channel.qr_updated", Channel;
    /// Nobody scanned a channel's QRs.
    ChannelPairingExpired, "channel.pairing_expired", Channel;
    /// A phone scanned: the channel is linked to its account.
    ChannelPaired, "channel.paired", Channel;
    /// A channel is logged in and can send.
    ChannelConnected, "channel.connected", Channel;
    /// A channel's connection ended; `last_disconnect` says why.
    ChannelDisconnected, "channel.disconnected", Channel;
    /// A channel's connection keeps breaking; `flapping` says how often since when.
    ChannelFlapping, "channel.flapping", Channel;
    /// A channel is no longer linked to its account: connecting again needs a new QR.
    ChannelLoggedOut, "channel.logged_out", Channel;
    /// A channel was deleted.
    ChannelDeleted, "channel.deleted", Channel;
    /// A webhook was paused, by its owner or because too many of its deliveries are open.
    WebhookPaused, "webhook.paused", Webhook;
    /// A webhook goes on where it was paused.
    WebhookResumed, "webhook.resumed", Webhook;
    /// A webhook was disabled; `reason` says why.
    WebhookDisabled, "webhook.disabled", Webhook;
    /// A webhook goes on where it was disabled.
    WebhookEnabled, "webhook.enabled", Webhook;
    /// A signed checkpoint of the log is told to whoever listens: keep it, and nobody rewrites the log unnoticed.
    AuditCheckpoint, "audit.checkpoint", Checkpoint;
}

impl PublicType {
    /// The type with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|public| public.name() == name)
    }
}

/// What an event is told as; nothing when it is told to nobody.
#[must_use]
pub const fn public_type(event: &Event) -> Option<PublicType> {
    use PublicType as P;

    Some(match event {
        // Plans, keys and the names of workspaces are their owner's business; whoever started a job asks for it.
        Event::Workspace(_) | Event::Job(_) => return None,
        Event::Message(event) => match event {
            Message::MessageQueued { .. } => P::MessageQueued,
            Message::MessageSent { .. } => P::MessageSent,
            Message::MessageDelivered { .. } => P::MessageDelivered,
            Message::MessageRead { .. } => P::MessageRead,
            Message::MessagePlayed { .. } => P::MessagePlayed,
            Message::MessageFailed { .. } => P::MessageFailed,
            Message::MessageReceived { .. } => P::MessageReceived,
            Message::MessageEchoed { .. } => P::MessageEchoed,
        },
        Event::Chat(event) => match event {
            Chat::ChatOpened { .. } => P::ChatOpened,
            Chat::ChatAssigned { .. } => P::ChatAssigned,
            Chat::ChatSnoozed { .. } => P::ChatSnoozed,
            Chat::ChatClosed {} => P::ChatClosed,
            Chat::ChatReopened {} => P::ChatReopened,
            Chat::ChatRead { .. } => P::ChatRead,
        },
        Event::Customer(event) => match event {
            Customer::CustomerCreated { .. } => P::CustomerCreated,
            Customer::CustomerUpdated { .. }
            | Customer::PhoneLinked { .. }
            | Customer::LidLinked { .. }
            | Customer::CustomerNamed { .. } => P::CustomerUpdated,
            Customer::CustomerDeleted {} => P::CustomerDeleted,
            Customer::CustomerErased { .. } => P::CustomerErased,
        },
        Event::Instance(event) => match event {
            Instance::InstanceRegistered { .. } => P::ChannelCreated,
            Instance::InstanceRenamed { .. } => P::ChannelRenamed,
            Instance::ConnectionRequested {} => P::ChannelConnecting,
            Instance::QrIssued { .. } => P::ChannelQrUpdated,
            Instance::PairingExpired {} => P::ChannelPairingExpired,
            Instance::InstancePaired { .. } => P::ChannelPaired,
            Instance::InstanceConnected { .. } => P::ChannelConnected,
            Instance::InstanceDisconnected { .. } => P::ChannelDisconnected,
            Instance::FlappingDetected { .. } => P::ChannelFlapping,
            Instance::InstanceLoggedOut { .. } => P::ChannelLoggedOut,
            Instance::InstanceDeleted {} => P::ChannelDeleted,
        },
        Event::Checkpoint(Checkpoint::CheckpointAnchored { .. }) => P::AuditCheckpoint,
        Event::Webhook(event) => match event {
            Webhook::WebhookPaused { .. } => P::WebhookPaused,
            Webhook::WebhookResumed {} => P::WebhookResumed,
            Webhook::WebhookDisabled { .. } => P::WebhookDisabled,
            Webhook::WebhookEnabled {} => P::WebhookEnabled,
            // Whoever configures endpoints knows; those who receive need not.
            Webhook::WebhookCreated { .. }
            | Webhook::WebhookUpdated { .. }
            | Webhook::SecretRotated { .. }
            | Webhook::WebhookDeleted {} => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::webhook::testing;

    /// Those that are told to nobody, by their names, so that a test fails when one becomes public by mistake.
    const PRIVATE: [&str; 4] =
        ["webhook.created", "webhook.updated", "webhook.secret_rotated", "webhook.deleted"];

    #[test]
    fn every_stored_event_is_told_as_something_or_is_listed_as_private() {
        let mut told = BTreeSet::new();
        for event in testing::fixture() {
            let name = event.event_type();
            let is_private = PRIVATE.contains(&name.as_str())
                || name.starts_with("workspace.")
                || name.starts_with("job.");
            let public = public_type(&event);
            assert_eq!(public.is_none(), is_private, "{name}");
            told.extend(public);
        }
        // The fixture need not have every event of today yet, but what it has of each aggregate is told.
        assert!(told.len() >= 26, "{told:?}");
    }

    #[test]
    fn names_are_unique_and_found_again() {
        for public in PublicType::ALL {
            assert_eq!(PublicType::by_name(public.name()), Some(*public));
            assert!(public.description().ends_with('.'), "{}", public.description());
        }
        assert_eq!(PublicType::by_name("message.painted"), None);
    }
}
