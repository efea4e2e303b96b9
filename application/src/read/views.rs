//! What the read models hold.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use interflow_domain::chat::ChatStatus;
use interflow_domain::instance::ConnectionStatus;
use interflow_domain::message::{Content, Direction, MessageStatus};
use interflow_domain::workspace::{KeyOrigin, MessageRetention, Plan, Scope, WorkspaceStatus};
use interflow_domain::{ChatId, CustomerId, InstanceId, JobId, KeyId, MessageId, WorkspaceId};
use serde_json::{Map, Value};

/// What a secret opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The key it belongs to.
    pub key: KeyId,
    /// The workspace it opens.
    pub workspace: WorkspaceId,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When this secret stops working: with its key, or at the end of a rotation's overlap.
    pub expires_at: Option<DateTime<Utc>>,
    /// How much the workspace may do.
    pub plan: Plan,
    /// Whether the workspace is suspended.
    pub suspended: bool,
}

/// A key that works, but for its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// The ends of the secret, to tell keys apart; absent where the secret is not of our making.
    pub prefix: Option<String>,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last shown to the server, as far as that was noted yet.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was issued.
    pub created_at: DateTime<Utc>,
    /// When it last got another secret.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Until when the secret before works, or worked.
    pub previous_until: Option<DateTime<Utc>>,
    /// Where it came from.
    pub origin: KeyOrigin,
    /// How many events it has.
    pub version: u64,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its short name.
    pub slug: String,
    /// What people call it.
    pub name: Option<String>,
    /// How much it may do.
    pub plan: Plan,
    /// Whether its callers are served.
    pub status: WorkspaceStatus,
    /// Why they are not.
    pub suspended_reason: Option<String>,
    /// After how many days contents of messages are forgotten; never when none.
    pub message_retention: Option<MessageRetention>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed, its keys aside.
    pub updated_at: DateTime<Utc>,
    /// How many events it has, those of its keys among them.
    pub version: u64,
}

/// A customer. Erased fields are absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// The LID.
    pub lid: Option<String>,
    /// The id in the caller's own system.
    pub external_id: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Free fields.
    pub attributes: Map<String, Value>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How many events it has.
    pub version: u64,
}

/// One name WhatsApp, or a caller, knows a customer by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `phone`, `lid` or `email`.
    pub kind: &'static str,
    /// The value.
    pub value: String,
}

impl Customer {
    /// Every name the customer is known by.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        let all = [("phone", &self.phone), ("lid", &self.lid), ("email", &self.email)];
        all.into_iter().filter_map(|(kind, value)| Some(Identity { kind, value: value.clone()? })).collect()
    }
}

/// A chat.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// The instance it goes through.
    pub instance: InstanceId,
    /// The other side.
    pub customer: CustomerId,
    /// Where it stands.
    pub status: ChatStatus,
    /// Until when it is put aside, where a time was given.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Who is in charge.
    pub assignee: Option<String>,
    /// Inbound messages nobody has read.
    pub unread_count: u64,
    /// The latest message.
    pub last_message: Option<LastMessage>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it last changed, or a message last came or was to go.
    pub updated_at: DateTime<Utc>,
    /// How many events it has.
    pub version: u64,
    /// The position of its last event, or of its last message's first: a receipt does not touch the chat.
    pub touched: u64,
}

/// The latest message of a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct LastMessage {
    /// Its id.
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// Its type's name, also after an erasure.
    pub kind: String,
    /// The beginning of its text; absent when it has none or was erased.
    pub preview: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The conversation.
    pub chat: ChatId,
    /// The instance it goes through.
    pub instance: InstanceId,
    /// The other side.
    pub customer: CustomerId,
    /// Which way it goes.
    pub direction: Direction,
    /// The customer's number, where WhatsApp told it: to it when outbound, from it when inbound.
    pub phone: Option<String>,
    /// What it says; absent when it was erased.
    pub content: Option<Content>,
    /// The type's name, also after an erasure.
    pub kind: String,
    /// How far it got.
    pub status: MessageStatus,
    /// Why it failed.
    pub status_reason: Option<String>,
    /// The id it has on WhatsApp.
    pub whatsapp_id: String,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The job it belongs to.
    pub job: Option<JobId>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When WhatsApp's server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the phone had it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was given up.
    pub failed_at: Option<DateTime<Utc>>,
    /// How many events it has.
    pub version: u64,
}

/// A channel, also called instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its id.
    pub id: InstanceId,
    /// Its name.
    pub name: String,
    /// What the outside is told of its connection.
    pub status: ConnectionStatus,
    /// Whether a device is linked to an account.
    pub linked: bool,
    /// The account's number.
    pub phone: Option<String>,
    /// The name the account shows.
    pub profile_name: Option<String>,
    /// The last end of a connection.
    pub last_disconnect: Option<Disconnect>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How many events it has.
    pub version: u64,
}

/// The end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect {
    /// Why, by its name in the API.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// An instance that is connecting or open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveInstance {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The instance.
    pub instance: InstanceId,
    /// Whether a device is linked to an account: it logs in again. Else it was pairing, and its QRs are gone.
    pub linked: bool,
}
