//! An API key.

use async_graphql::{Enum, ID, SimpleObject};
use interflow_application::read::ApiKey;
use interflow_domain::workspace::KeyOrigin as Origin;

use crate::auth::scope_name;
use crate::graphql::scalars::Long;
use crate::time::Timestamp;

/// An API key. Its secret is shown by what made it, and nowhere else.
#[derive(SimpleObject)]
pub struct Key {
    /// Its id.
    pub(super) id: ID,
    /// What people call it.
    name: String,
    /// The ends of the secret, to tell keys apart; absent where the secret is not of the server's making.
    prefix: Option<String>,
    /// What it may do, such as `chats:read`; `*` is everything.
    scopes: Vec<String>,
    /// When it stops working.
    expires_at: Option<Timestamp>,
    /// When it was last shown to the server, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was issued.
    created_at: Timestamp,
    /// When it last got another secret.
    rotated_at: Option<Timestamp>,
    /// Until when the secret before the last rotation works.
    previous_expires_at: Option<Timestamp>,
    /// Where it came from.
    origin: KeyOrigin,
    /// How many events it has: what `expectedVersion` is compared with.
    version: Long,
}

/// Where a key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Origin")]
pub enum KeyOrigin {
    /// It was issued by a call, or at the command line.
    Issued,
    /// It is the one that the server's environment names.
    Environment,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string().into(),
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(|scope| scope_name(scope).to_owned()).collect(),
            expires_at: key.expires_at.map(Timestamp),
            last_used_at: key.last_used_at.map(Timestamp),
            created_at: key.created_at.into(),
            rotated_at: key.rotated_at.map(Timestamp),
            previous_expires_at: key.previous_until.map(Timestamp),
            origin: key.origin.into(),
            version: Long(key.version),
        }
    }
}
