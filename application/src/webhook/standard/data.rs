//! The data of schema version 1.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use interflow_domain::chat::ChatStatus;
use interflow_domain::instance::ConnectionStatus;
use interflow_domain::message::{Content, Direction, MessageStatus};
use interflow_domain::{ChatId, CheckpointId, CustomerId, InstanceId, MessageId, WebhookId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::webhook::Materials;
use crate::webhook::materials::Subject;
use crate::webhook::portrait::{
    ChannelPortrait, ChatPortrait, CheckpointPortrait, CustomerPortrait, EndpointPortrait, EndpointStatus,
    Known, MessagePortrait,
};

/// What an event happened to, as the Interflow API shows it. `erased` says that something personal is absent because
/// it was erased.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Data<'m> {
    /// A message.
    Message(Box<Message<'m>>),
    /// A chat.
    Chat(Box<Chat<'m>>),
    /// A customer.
    Customer(Box<Customer<'m>>),
    /// A customer that is gone.
    DeletedCustomer(DeletedCustomer),
    /// A channel.
    Channel(Box<Channel<'m>>),
    /// A webhook.
    Webhook(Webhook<'m>),
    /// A checkpoint of the log.
    Checkpoint(Checkpoint<'m>),
}

/// A message.
#[derive(Serialize)]
pub struct Message<'m> {
    id: MessageId,
    chat_id: ChatId,
    channel_id: InstanceId,
    channel_name: Option<&'m str>,
    customer_id: CustomerId,
    customer: Person<'m>,
    direction: Direction,
    to: Option<&'m str>,
    from: Option<&'m str>,
    #[serde(rename = "type")]
    kind: &'static str,
    content: Option<ContentShape<'m>>,
    status: MessageStatus,
    status_reason: Option<&'static str>,
    whatsapp_id: &'m str,
    reply_to: Option<MessageId>,
    created_at: String,
    sent_at: Option<String>,
    delivered_at: Option<String>,
    read_at: Option<String>,
    failed_at: Option<String>,
    version: u64,
    erased: bool,
}

/// What a message says.
#[derive(Serialize)]
#[serde(untagged)]
enum ContentShape<'m> {
    Text { text: &'m str },
    Unsupported { kind: &'m str },
}

/// How a customer is addressed: both the number and the LID, as far as they are known.
#[derive(Serialize)]
struct Person<'m> {
    name: Option<&'m str>,
    phone: Option<&'m str>,
    lid: Option<&'m str>,
}

/// A chat, without what its messages make of it.
#[derive(Serialize)]
pub struct Chat<'m> {
    id: ChatId,
    channel_id: InstanceId,
    channel_name: Option<&'m str>,
    customer_id: CustomerId,
    customer: Person<'m>,
    status: ChatStatus,
    assignee: Option<&'m str>,
    snoozed_until: Option<String>,
    read_up_to: Option<MessageId>,
    created_at: String,
    updated_at: String,
    version: u64,
    erased: bool,
}

/// A customer.
#[derive(Serialize)]
pub struct Customer<'m> {
    id: CustomerId,
    name: Option<&'m str>,
    email: Option<&'m str>,
    phone: Option<&'m str>,
    external_id: Option<&'m str>,
    tags: &'m [String],
    attributes: BTreeMap<&'m str, Sorted<'m>>,
    identities: Vec<Identity<'m>>,
    created_at: String,
    updated_at: String,
    version: u64,
    erased: bool,
}

#[derive(Serialize)]
struct Identity<'m> {
    kind: &'static str,
    value: &'m str,
}

/// A customer that is gone.
#[derive(Serialize)]
pub struct DeletedCustomer {
    id: CustomerId,
    deleted: bool,
    version: u64,
    erased: bool,
}

/// A channel.
#[derive(Serialize)]
pub struct Channel<'m> {
    id: InstanceId,
    name: &'m str,
    kind: &'static str,
    status: ConnectionStatus,
    phone: Option<&'m str>,
    profile_name: Option<&'m str>,
    last_disconnect: Option<Disconnect>,
    qr_expires_at: Option<String>,
    flapping: Option<Flapping>,
    created_at: String,
    updated_at: String,
    version: u64,
    erased: bool,
}

#[derive(Serialize)]
struct Disconnect {
    reason: &'static str,
    at: String,
}

#[derive(Serialize)]
struct Flapping {
    since: String,
    disconnects: u32,
}

/// A webhook.
#[derive(Serialize)]
pub struct Webhook<'m> {
    id: WebhookId,
    description: Option<&'m str>,
    status: EndpointStatus,
    reason: Option<&'static str>,
    created_at: String,
    updated_at: String,
    version: u64,
    erased: bool,
}

/// A checkpoint of the log.
#[derive(Serialize)]
pub struct Checkpoint<'m> {
    id: CheckpointId,
    size: u64,
    root: &'m str,
    note: &'m str,
    created_at: String,
    version: u64,
    erased: bool,
}

/// Free fields with their keys in order, whatever order they were stored or read in.
#[derive(Serialize)]
#[serde(untagged)]
enum Sorted<'m> {
    Object(BTreeMap<&'m str, Sorted<'m>>),
    Array(Vec<Sorted<'m>>),
    Plain(&'m Value),
}

impl<'m> From<&'m Value> for Sorted<'m> {
    fn from(value: &'m Value) -> Self {
        match value {
            Value::Object(fields) => Self::Object(sorted(fields)),
            Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            plain => Self::Plain(plain),
        }
    }
}

fn sorted(fields: &Map<String, Value>) -> BTreeMap<&str, Sorted<'_>> {
    fields.iter().map(|(name, value)| (name.as_str(), value.into())).collect()
}

/// A time as all of our API writes it: RFC 3339, UTC, milliseconds.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn text(known: &Known<String>) -> Option<&str> {
    known.get().map(String::as_str)
}

/// What an event happened to, in the shape of schema version 1.
#[must_use]
pub fn data(materials: &Materials) -> Data<'_> {
    match &materials.subject {
        Subject::Message(own) => Data::Message(Box::new(message(own, materials))),
        Subject::Chat(own) => Data::Chat(Box::new(chat(own, materials))),
        Subject::Customer(own) if own.deleted => Data::DeletedCustomer(DeletedCustomer {
            id: own.id,
            deleted: true,
            version: own.version,
            erased: own.erased,
        }),
        Subject::Customer(own) => Data::Customer(Box::new(customer(own))),
        Subject::Channel(own) => Data::Channel(Box::new(channel(own))),
        Subject::Webhook(own) => Data::Webhook(webhook(own)),
        Subject::Checkpoint(own) => Data::Checkpoint(checkpoint(own)),
    }
}

/// The customer of a message or chat, and whether something of it is gone.
fn person(materials: &Materials) -> (Person<'_>, bool) {
    let Some(customer) = &materials.customer else {
        return (Person { name: None, phone: None, lid: None }, false);
    };
    let CustomerPortrait { name, phone, lid, .. } = customer;
    let erased = [name, phone, lid].into_iter().any(Known::is_erased);
    (Person { name: text(name), phone: text(phone), lid: text(lid) }, erased)
}

fn channel_name(materials: &Materials) -> Option<&str> {
    materials.channel.as_ref().map(|channel| channel.name.as_str())
}

fn message<'m>(own: &'m MessagePortrait, materials: &'m Materials) -> Message<'m> {
    let (customer, person_erased) = person(materials);
    let phone = text(&own.phone);
    let (to, from) = match own.direction {
        Direction::Outbound => (phone, None),
        Direction::Inbound => (None, phone),
    };
    Message {
        id: own.id,
        chat_id: own.participants.chat_id,
        channel_id: own.participants.instance_id,
        channel_name: channel_name(materials),
        customer_id: own.participants.customer_id,
        customer,
        direction: own.direction,
        to,
        from,
        kind: own.content_type.name(),
        content: own.content.get().map(|content| match content {
            Content::Text { text } => ContentShape::Text { text: text.as_str() },
            Content::Unsupported { kind } => ContentShape::Unsupported { kind },
        }),
        status: own.status,
        status_reason: own.status_reason,
        whatsapp_id: &own.whatsapp_id,
        reply_to: own.reply_to,
        created_at: time(own.created_at),
        sent_at: own.sent_at.map(time),
        delivered_at: own.delivered_at.map(time),
        read_at: own.read_at.map(time),
        failed_at: own.failed_at.map(time),
        version: own.version,
        erased: person_erased || own.phone.is_erased() || own.content.is_erased(),
    }
}

fn chat<'m>(own: &'m ChatPortrait, materials: &'m Materials) -> Chat<'m> {
    let (customer, erased) = person(materials);
    Chat {
        id: own.id,
        channel_id: own.instance,
        channel_name: channel_name(materials),
        customer_id: own.customer,
        customer,
        status: own.status,
        assignee: own.assignee.as_deref(),
        snoozed_until: own.snoozed_until.map(time),
        read_up_to: own.read_up_to,
        created_at: time(own.created_at),
        updated_at: time(own.updated_at),
        version: own.version,
        erased,
    }
}

fn customer(own: &CustomerPortrait) -> Customer<'_> {
    let CustomerPortrait { name, email, phone, lid, external_id, attributes, .. } = own;
    let identities = [("phone", phone), ("lid", lid), ("email", email)].into_iter();
    let erased = [name, email, phone, lid, external_id].into_iter().any(Known::is_erased);
    Customer {
        id: own.id,
        name: text(name),
        email: text(email),
        phone: text(phone),
        external_id: text(external_id),
        tags: own.tags.get().map(Vec::as_slice).unwrap_or_default(),
        attributes: attributes.get().map(sorted).unwrap_or_default(),
        identities: identities
            .filter_map(|(kind, value)| Some(Identity { kind, value: text(value)? }))
            .collect(),
        created_at: time(own.created_at),
        updated_at: time(own.updated_at),
        version: own.version,
        erased: erased || attributes.is_erased() || own.tags.is_erased(),
    }
}

fn channel(own: &ChannelPortrait) -> Channel<'_> {
    Channel {
        id: own.id,
        name: &own.name,
        kind: "whatsapp",
        status: own.status,
        phone: text(&own.phone),
        profile_name: text(&own.profile_name),
        last_disconnect: own.last_disconnect.map(|end| Disconnect { reason: end.reason, at: time(end.at) }),
        qr_expires_at: own.qr_expires_at.map(time),
        flapping: own
            .flapping
            .map(|flapping| Flapping { since: time(flapping.since), disconnects: flapping.disconnects }),
        created_at: time(own.created_at),
        updated_at: time(own.updated_at),
        version: own.version,
        erased: own.phone.is_erased() || own.profile_name.is_erased(),
    }
}

fn webhook(own: &EndpointPortrait) -> Webhook<'_> {
    Webhook {
        id: own.id,
        description: own.description.as_deref(),
        status: own.status,
        reason: own.reason,
        created_at: time(own.created_at),
        updated_at: time(own.updated_at),
        version: own.version,
        erased: false,
    }
}

fn checkpoint(own: &CheckpointPortrait) -> Checkpoint<'_> {
    Checkpoint {
        id: own.id,
        size: own.size,
        root: &own.root,
        note: &own.note,
        created_at: time(own.created_at),
        version: own.version,
        erased: false,
    }
}
