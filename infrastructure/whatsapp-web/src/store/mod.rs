//! The key store of one WhatsApp device, on Postgres.
//!
//! The engine keeps everything it must remember of a linked device behind five traits (its `Backend`): the Signal
//! ratchets, the app-state keys, what it knows of other people's devices, the secrets of messages, and the device
//! itself. All of it lands in one table, `wa_keys`, one row a thing.
//!
//! Cast:
//! - [`Kind`] says what a row is.
//! - [`Keys`] is the table as one session sees it: it seals and opens values, hashes what rows are found by, and
//!   makes every write conditional on the lease.
//! - [`Ledger`] is what became of inbound messages.
//! - [`Health`] is what became of it: sound, broken (a write could not be made) or fenced (the lease is another's).
//! - [`KeyStore`] puts the five traits on top; one file a trait.
//! - [`seal_anew`] is for a rotation of the master key.
//! - [`traces`] is by what the rows about a person are found.
//!
//! Three rules keep the ratchets whole, and messages from being lost:
//! 1. **No lease, no write.** Every write is one statement that reads the lease row `FOR SHARE` with the epoch of
//!    the session; a takeover waits for it or refuses it, there is no between.
//! 2. **After a write that failed, nothing is written any more.** The engine would go on with what it has in
//!    memory, and a later write would persist a ratchet ahead of the message that was lost. So the store turns
//!    [`Health::Broken`], the session drops the client with all its memory and starts again from what is stored;
//!    WhatsApp delivers again what was not acknowledged.
//! 3. **A spent key is no proof.** A message that comes again, has no buffered copy and is not in the [`Ledger`] is asked
//!    for, and not acknowledged before; what its chat brings meanwhile waits behind it.

mod app_sync;
mod device;
mod error;
mod health;
mod keys;
mod kind;
mod ledger;
mod message_secrets;
mod protocol;
mod resealing;
mod rows;
mod signal;
mod traces;

pub(crate) use error::KeyStoreError;
pub(crate) use health::{Health, HealthWatch};
pub(crate) use keys::Keys;
pub(crate) use kind::Kind;
pub(crate) use ledger::{Ledger, Outcome, Unaccounted};
pub use resealing::{SealAnewError, seal_anew};
pub(crate) use rows::Row;
pub use traces::traces;

use std::sync::Arc;

use interflow_application::whatsapp::SessionSpec;
use interflow_vault::StoreKey;
use sqlx::PgPool;
use wacore::store::error::StoreError;
use wacore::store::traits::DeviceStore;

/// The engine's `Backend` for one session.
pub struct KeyStore {
    keys: Keys,
    /// Privacy tokens are read, merged and written back; one at a time.
    tokens: tokio::sync::Mutex<()>,
    ledger: Arc<Ledger>,
}

impl KeyStore {
    /// The store of the session `spec`, sealed under `key`.
    #[must_use]
    pub fn new(pool: PgPool, key: impl Into<StoreKey>, spec: SessionSpec) -> Self {
        Self {
            keys: Keys::new(pool, key.into(), spec),
            tokens: tokio::sync::Mutex::default(),
            ledger: Arc::default(),
        }
    }

    /// The same, with what other clients of the session have noted.
    pub(crate) fn with_ledger(self, ledger: Arc<Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// What became of the store, and when that changes.
    pub(crate) fn health(&self) -> HealthWatch {
        self.keys.health()
    }

    /// Whether the lease is held at this moment.
    pub(crate) async fn lease_held(&self) -> Result<bool, KeyStoreError> {
        self.keys.lease_held().await
    }

    /// Whether there is a device, and it is linked to an account.
    pub(crate) async fn is_paired(&self) -> Result<bool, StoreError> {
        Ok(self.load().await?.is_some_and(|device| device.is_registered()))
    }

    /// Deletes every row of the instance.
    pub(crate) async fn forget(&self) -> Result<(), KeyStoreError> {
        self.keys.forget().await
    }
}

/// Serialises what has no wire form of its own.
fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, KeyStoreError> {
    serde_json::to_vec(value).map_err(KeyStoreError::Codec)
}

/// Reads what [`encode`] wrote.
fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, KeyStoreError> {
    serde_json::from_slice(bytes).map_err(KeyStoreError::Codec)
}
