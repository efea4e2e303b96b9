//! The Signal protocol's state: identities, ratchets, pre-keys, sender keys.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::store::error::Result;
use wacore::store::traits::SignalStore;

use super::{KeyStore, KeyStoreError, Kind, Row};

impl KeyStore {
    fn address(&self, address: &str) -> Vec<u8> {
        self.keys.hash("address", &[address.as_bytes()])
    }

    /// What all addresses of a user share: `user@server` is the first device, `user:7@server` another.
    pub(super) fn user(&self, user: &str) -> Vec<u8> {
        self.keys.hash("user", &[user.as_bytes()])
    }

    /// What all rows about the person share whom an address, a JID or a bare user names.
    pub(super) fn person(&self, name: &str) -> Vec<u8> {
        self.user(user_of(name))
    }

    fn address_row(&self, address: &str, value: &[u8]) -> Row {
        Row::new(self.address(address), value).in_scope(self.person(address))
    }

    fn sender_key_row(&self, address: &str, record: &[u8]) -> Row {
        Row::new(self.address(address), record).in_scope(self.person(sender_of(address)))
    }
}

/// The user of an address (`user:7@server.0`), of a JID or of itself.
fn user_of(name: &str) -> &str {
    name.split(['@', ':']).next().unwrap_or(name)
}

/// Whose sender key it is that is at `group@server:address`.
fn sender_of(address: &str) -> &str {
    let rest = address.split_once('@').map_or(address, |(_, rest)| rest);
    rest.split_once(':').map_or(address, |(_, sender)| sender)
}

fn id_key(id: u32) -> Vec<u8> {
    id.to_be_bytes().to_vec()
}

fn key_id(key: &[u8]) -> std::result::Result<u32, KeyStoreError> {
    key.try_into().map(u32::from_be_bytes).map_err(|_| KeyStoreError::Length)
}

#[async_trait]
impl SignalStore for KeyStore {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        Ok(self.keys.put(Kind::Identity, vec![self.address_row(address, &key)]).await?)
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let rows = identities.iter().map(|(address, key)| self.address_row(address, key)).collect();
        Ok(self.keys.put(Kind::Identity, rows).await?)
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let value = self.keys.get(Kind::Identity, &self.address(address)).await?;
        let key = value.map(|bytes| bytes.try_into().map_err(|_| KeyStoreError::Length)).transpose()?;
        Ok(key)
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::Identity, &[self.address(address)]).await?)
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        Ok(self.keys.get(Kind::Session, &self.address(address)).await?.map(Bytes::from))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        Ok(self.keys.put(Kind::Session, vec![self.address_row(address, session)]).await?)
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let rows = sessions.iter().map(|(address, session)| self.address_row(address, session)).collect();
        Ok(self.keys.put(Kind::Session, rows).await?)
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::Session, &[self.address(address)]).await?)
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self.keys.exists(Kind::Session, &self.address(address)).await?)
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        Ok(self.keys.exists_in_scope(&[Kind::Session, Kind::Identity], &self.user(user)).await?)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        let row = Row::new(id_key(id), record).stamped(uploaded.into());
        Ok(self.keys.put(Kind::PreKey, vec![row]).await?)
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        let rows =
            keys.iter().map(|(id, record)| Row::new(id_key(*id), &record[..]).stamped(uploaded.into()));
        Ok(self.keys.put(Kind::PreKey, rows.collect()).await?)
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        Ok(self.keys.get(Kind::PreKey, &id_key(id)).await?.map(Bytes::from))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let keys: Vec<_> = ids.iter().copied().map(id_key).collect();
        let found = self.keys.find(Kind::PreKey, &keys).await?;
        let pairs: std::result::Result<Vec<_>, KeyStoreError> =
            found.into_iter().map(|row| Ok((key_id(&row.key)?, Bytes::from(row.value)))).collect();
        Ok(pairs?)
    }

    /// An update and never an upsert: a key consumed meanwhile stays consumed.
    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        let keys: Vec<_> = ids.iter().copied().map(id_key).collect();
        Ok(self.keys.stamp(Kind::PreKey, &keys, 1).await?)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        Ok(self.keys.delete(Kind::PreKey, &[id_key(id)]).await?)
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        let greatest = self.keys.greatest_key(Kind::PreKey).await?;
        Ok(greatest.and_then(|hex| u32::from_str_radix(&hex, 16).ok()).unwrap_or(0))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        Ok(self.keys.put(Kind::SignedPreKey, vec![Row::new(id_key(id), record)]).await?)
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::SignedPreKey, &id_key(id)).await?)
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let found = self.keys.all(Kind::SignedPreKey).await?;
        let pairs: std::result::Result<Vec<_>, KeyStoreError> =
            found.into_iter().map(|row| Ok((key_id(&row.key)?, row.value))).collect();
        Ok(pairs?)
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        Ok(self.keys.delete(Kind::SignedPreKey, &[id_key(id)]).await?)
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        Ok(self.keys.put(Kind::SenderKey, vec![self.sender_key_row(address, record)]).await?)
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let rows = sender_keys.iter().map(|(address, record)| self.sender_key_row(address, record));
        Ok(self.keys.put(Kind::SenderKey, rows.collect()).await?)
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::SenderKey, &self.address(address)).await?)
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::SenderKey, &[self.address(address)]).await?)
    }
}
