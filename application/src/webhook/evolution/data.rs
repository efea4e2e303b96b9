//! The data of Evolution's events, field by field.

use interflow_domain::InstanceId;
use interflow_domain::instance::{DisconnectReason, InstanceEvent};
use interflow_domain::message::{Content, ContentType, Direction, MessageStatus};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{EvolutionType, jid, own_jid};
use crate::log::Event;
use crate::webhook::Materials;
use crate::webhook::materials::Subject;
use crate::webhook::portrait::{ChannelPortrait, CustomerPortrait, Known, MessagePortrait};

/// The data of an event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Data<'m> {
    Message(Box<Message<'m>>),
    MessageUpdate(Box<MessageUpdate<'m>>),
    Connection(Connection<'m>),
    Qrcode { qrcode: Qrcode<'m> },
    Contact(Box<Contact<'m>>),
    Chats([Chat<'m>; 1]),
    Instance(Instance<'m>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'m> {
    key: Key<'m>,
    push_name: Option<&'m str>,
    status: &'static str,
    message: Map<String, Value>,
    context_info: Option<&'static str>,
    message_type: String,
    message_timestamp: i64,
    instance_id: InstanceId,
    source: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Key<'m> {
    remote_jid: Option<String>,
    from_me: bool,
    id: &'m str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_jid_alt: Option<String>,
    addressing_mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageUpdate<'m> {
    key_id: &'m str,
    remote_jid: Option<String>,
    from_me: bool,
    participant: Option<&'static str>,
    status: &'static str,
    poll_updates: Option<&'static str>,
    instance_id: InstanceId,
    message_id: interflow_domain::MessageId,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<'m> {
    instance: &'m str,
    state: &'static str,
    status_reason: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    wuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_name: Option<&'m str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Qrcode<'m> {
    instance: &'m str,
    pairing_code: Option<&'static str>,
    code: Option<&'static str>,
    base64: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contact<'m> {
    remote_jid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_jid_alt: Option<String>,
    push_name: Option<&'m str>,
    profile_pic_url: Option<&'static str>,
    instance_id: Option<InstanceId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chat<'m> {
    remote_jid: Option<String>,
    instance_id: InstanceId,
    #[serde(flatten)]
    new: Option<NewChat<'m>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewChat<'m> {
    name: Option<&'m str>,
    unread_messages: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance<'m> {
    instance_name: &'m str,
    instance_id: InstanceId,
}

/// The data of what an event is told as.
pub(super) fn data(told_as: EvolutionType, materials: &Materials) -> Option<Data<'_>> {
    use EvolutionType as T;

    let customer = materials.customer.as_ref();
    Some(match (&materials.subject, told_as) {
        (Subject::Message(own), T::MessagesUpdate) => {
            Data::MessageUpdate(Box::new(message_update(own, customer)))
        }
        (Subject::Message(own), _) => Data::Message(Box::new(message(own, customer))),
        (Subject::Chat(own), _) => {
            let address = Address::of(&Known::Absent, customer);
            let new = NewChat {
                name: customer.and_then(|who| who.name.get()).map(String::as_str),
                unread_messages: 0,
            };
            let name_erased = customer.is_some_and(|who| who.name.is_erased());
            Data::Chats([Chat {
                remote_jid: address.jid,
                instance_id: own.instance,
                erased: address.erased || (told_as == T::ChatsUpsert && name_erased),
                new: (told_as == T::ChatsUpsert).then_some(new),
            }])
        }
        (Subject::Customer(own), _) => {
            let address = Address::of(&Known::Absent, Some(own));
            Data::Contact(Box::new(Contact {
                remote_jid: address.jid,
                remote_jid_alt: address.alternative,
                push_name: own.name.get().map(String::as_str),
                profile_pic_url: None,
                instance_id: None,
                erased: address.erased || own.name.is_erased(),
            }))
        }
        (Subject::Channel(own), T::ConnectionUpdate) => {
            Data::Connection(connection(own, &materials.recorded.event)?)
        }
        (Subject::Channel(own), T::QrcodeUpdated) => {
            let qrcode = Qrcode { instance: &own.name, pairing_code: None, code: None, base64: None };
            Data::Qrcode { qrcode }
        }
        (Subject::Channel(own), _) => {
            Data::Instance(Instance { instance_name: &own.name, instance_id: own.id })
        }
        (Subject::Webhook(_) | Subject::Checkpoint(_), _) => return None,
    })
}

/// How the other side is addressed: by its number where it is known, else by its LID; whichever is not the first comes
/// second, so that no integration loses the customer.
struct Address {
    jid: Option<String>,
    alternative: Option<String>,
    mode: &'static str,
    erased: bool,
}

impl Address {
    fn of(phone: &Known<String>, customer: Option<&CustomerPortrait>) -> Self {
        let phone = phone.clone().or(customer.map(|who| who.phone.clone()).unwrap_or_default());
        let lid = customer.map(|who| who.lid.clone()).unwrap_or_default();
        let erased = phone.is_erased() || lid.is_erased();
        let by_phone = jid(&phone, "s.whatsapp.net");
        let by_lid = jid(&lid, "lid");
        match by_phone {
            Some(_) => Self { jid: by_phone, alternative: by_lid, mode: "pn", erased },
            None => Self { jid: by_lid, alternative: None, mode: "lid", erased },
        }
    }
}

const fn status(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Queued => "PENDING",
        MessageStatus::Failed => "ERROR",
        MessageStatus::Sent => "SERVER_ACK",
        MessageStatus::Delivered => "DELIVERY_ACK",
        MessageStatus::Read => "READ",
        MessageStatus::Played => "PLAYED",
    }
}

fn message<'m>(own: &'m MessagePortrait, customer: Option<&'m CustomerPortrait>) -> Message<'m> {
    let address = Address::of(&own.phone, customer);
    // The name is that of whoever wrote: of our own account nobody needs to be told.
    let name = customer.filter(|_| own.direction == Direction::Inbound).map(|who| &who.name);
    let (message, message_type) = content(own);
    let at = own.sent_at.unwrap_or(own.created_at);
    Message {
        key: Key {
            remote_jid: address.jid,
            from_me: own.direction == Direction::Outbound,
            id: &own.whatsapp_id,
            remote_jid_alt: address.alternative,
            addressing_mode: address.mode,
        },
        push_name: name.and_then(Known::get).map(String::as_str),
        status: status(own.status),
        message,
        context_info: None,
        message_type,
        message_timestamp: at.timestamp(),
        instance_id: own.participants.instance_id,
        source: if own.direction == Direction::Inbound || own.echoed { "unknown" } else { "web" },
        erased: address.erased || own.content.is_erased() || name.is_some_and(Known::is_erased),
    }
}

/// What a message says, and what WhatsApp's protocol calls it.
fn content(own: &MessagePortrait) -> (Map<String, Value>, String) {
    let (kind, says) = match own.content.get() {
        Some(Content::Text { text }) => ("conversation", Some(json!(text))),
        Some(Content::Unsupported { kind }) => (kind.as_str(), Some(json!({}))),
        None if own.content_type == ContentType::Text => ("conversation", None),
        None => ("unknown", None),
    };
    (says.map(|says| (kind.to_owned(), says)).into_iter().collect(), kind.to_owned())
}

fn message_update<'m>(own: &'m MessagePortrait, customer: Option<&CustomerPortrait>) -> MessageUpdate<'m> {
    let address = Address::of(&own.phone, customer);
    MessageUpdate {
        key_id: &own.whatsapp_id,
        remote_jid: address.jid,
        from_me: own.direction == Direction::Outbound,
        participant: None,
        status: status(own.status),
        poll_updates: None,
        instance_id: own.participants.instance_id,
        message_id: own.id,
        erased: address.erased,
    }
}

/// The state of a connection, with the codes that clients know from the library beneath that server.
fn connection<'m>(own: &'m ChannelPortrait, event: &Event) -> Option<Connection<'m>> {
    let Event::Instance(event) = event else { return None };
    let (state, status_reason) = match event {
        InstanceEvent::ConnectionRequested {} => ("connecting", 200),
        InstanceEvent::InstanceConnected { .. } => ("open", 200),
        InstanceEvent::PairingExpired {} => ("refused", 428),
        InstanceEvent::InstanceDisconnected { reason, .. } => ("close", code(reason)),
        _ => return None,
    };
    let is_open = state == "open";
    Some(Connection {
        instance: &own.name,
        state,
        status_reason,
        wuid: own_jid(own).filter(|_| is_open),
        profile_name: own.profile_name.get().map(String::as_str).filter(|_| is_open),
        erased: is_open && (own.phone.is_erased() || own.profile_name.is_erased()),
    })
}

const fn code(reason: &DisconnectReason) -> u16 {
    match reason {
        DisconnectReason::ConnectionLost => 408,
        DisconnectReason::ServerStopped => 428,
        DisconnectReason::RestartRequested => 515,
        DisconnectReason::Replaced => 440,
        DisconnectReason::TemporarilyBanned { .. } => 402,
        DisconnectReason::ClientOutdated => 405,
        DisconnectReason::Refused { .. } => 403,
    }
}
