//! The names of Evolution's events, and which of ours is told as which of them.

use interflow_domain::chat::ChatEvent as Chat;
use interflow_domain::customer::CustomerEvent as Customer;
use interflow_domain::instance::InstanceEvent as Instance;
use interflow_domain::message::MessageEvent as Message;

use crate::log::Event;

/// An event of Evolution that we have something to tell as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvolutionType {
    /// A message came in, or the account's owner wrote one on another device.
    MessagesUpsert,
    /// A message of ours was accepted.
    SendMessage,
    /// A message of ours got further, or was given up.
    MessagesUpdate,
    /// The state of a connection.
    ConnectionUpdate,
    /// A new QR waits.
    QrcodeUpdated,
    /// A customer is known.
    ContactsUpsert,
    /// What is known of a customer changed.
    ContactsUpdate,
    /// A chat began.
    ChatsUpsert,
    /// A chat changed.
    ChatsUpdate,
    /// An instance was created.
    InstanceCreate,
    /// An instance was deleted.
    InstanceDelete,
    /// An instance is no longer linked.
    LogoutInstance,
}

impl EvolutionType {
    /// Every name there is on that server's wire; clients subscribe to them whether they are ever sent or not.
    pub const WIRE_NAMES: [&str; 29] = [
        "application.startup",
        "instance.create",
        "instance.delete",
        "qrcode.updated",
        "connection.update",
        "status.instance",
        "messages.set",
        "messages.upsert",
        "messages.edited",
        "messages.update",
        "messages.delete",
        "send.message",
        "send.message.update",
        "contacts.set",
        "contacts.upsert",
        "contacts.update",
        "presence.update",
        "chats.set",
        "chats.update",
        "chats.upsert",
        "chats.delete",
        "groups.upsert",
        "groups.update",
        "group-participants.update",
        "call",
        "labels.edit",
        "labels.association",
        "remove.instance",
        "logout.instance",
    ];

    /// The event's name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagesUpsert => "messages.upsert",
            Self::SendMessage => "send.message",
            Self::MessagesUpdate => "messages.update",
            Self::ConnectionUpdate => "connection.update",
            Self::QrcodeUpdated => "qrcode.updated",
            Self::ContactsUpsert => "contacts.upsert",
            Self::ContactsUpdate => "contacts.update",
            Self::ChatsUpsert => "chats.upsert",
            Self::ChatsUpdate => "chats.update",
            Self::InstanceCreate => "instance.create",
            Self::InstanceDelete => "instance.delete",
            Self::LogoutInstance => "logout.instance",
        }
    }

    /// What is appended to the address of an endpoint that has one for each event: `messages-upsert`.
    #[must_use]
    pub fn path_segment(self) -> String {
        self.name().replace('.', "-")
    }

    /// The name on the wire of a constant that clients subscribe with: `MESSAGES_UPSERT`.
    #[must_use]
    pub fn by_constant(constant: &str) -> Option<&'static str> {
        let is_constant = |name: &&str| {
            name.len() == constant.len()
                && name.bytes().zip(constant.bytes()).all(|(of_name, of_constant)| {
                    let expected =
                        if matches!(of_name, b'.' | b'-') { b'_' } else { of_name.to_ascii_uppercase() };
                    expected == of_constant
                })
        };
        // The one constant that never agreed with its event.
        let constant_of_groups = (constant == "GROUP_UPDATE").then_some("groups.update");
        constant_of_groups.or_else(|| Self::WIRE_NAMES.into_iter().find(is_constant))
    }

    /// What an event of ours is told as; nothing where Evolution has none for it.
    #[must_use]
    pub const fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Workspace(_) | Event::Webhook(_) | Event::Job(_) | Event::Checkpoint(_) => return None,
            Event::Message(event) => match event {
                Message::MessageQueued { .. } => Self::SendMessage,
                Message::MessageReceived { .. } | Message::MessageEchoed { .. } => Self::MessagesUpsert,
                Message::MessageSent { .. }
                | Message::MessageDelivered { .. }
                | Message::MessageRead { .. }
                | Message::MessagePlayed { .. }
                | Message::MessageFailed { .. } => Self::MessagesUpdate,
            },
            Event::Chat(event) => match event {
                Chat::ChatOpened { .. } => Self::ChatsUpsert,
                Chat::ChatClosed {} | Chat::ChatReopened {} | Chat::ChatRead { .. } => Self::ChatsUpdate,
                Chat::ChatAssigned { .. } | Chat::ChatSnoozed { .. } => return None,
            },
            Event::Customer(event) => match event {
                Customer::CustomerCreated { .. } => Self::ContactsUpsert,
                Customer::CustomerUpdated { .. }
                | Customer::PhoneLinked { .. }
                | Customer::LidLinked { .. }
                | Customer::CustomerNamed { .. } => Self::ContactsUpdate,
                Customer::CustomerDeleted {} | Customer::CustomerErased { .. } => return None,
            },
            Event::Instance(event) => match event {
                Instance::InstanceRegistered { .. } => Self::InstanceCreate,
                Instance::ConnectionRequested {}
                | Instance::PairingExpired {}
                | Instance::InstanceConnected { .. }
                | Instance::InstanceDisconnected { .. } => Self::ConnectionUpdate,
                Instance::QrIssued { .. } => Self::QrcodeUpdated,
                Instance::InstanceLoggedOut { .. } => Self::LogoutInstance,
                Instance::InstanceDeleted {} => Self::InstanceDelete,
                Instance::InstanceRenamed { .. }
                | Instance::InstancePaired { .. }
                | Instance::FlappingDetected { .. } => return None,
            },
        })
    }
}
