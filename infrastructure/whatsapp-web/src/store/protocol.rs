//! What the protocol has to remember of others: their devices, their other name, messages in flight.
//!
//! The rows that expire are stamped with the engine's own clock (`wacore::time`), because it is the engine that
//! later names the cutoff.

use async_trait::async_trait;
use wacore::store::error::Result;
use wacore::store::traits::{
    DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore, TcTokenEntry,
};
use wacore::time::now_secs;

use crate::session::is_person;

use super::{KeyStore, KeyStoreError, Kind, Row, Unaccounted, decode, encode};

/// A privacy token with the JID it belongs to, which the row's key does not tell.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredToken {
    jid: String,
    token: TcTokenEntry,
}

impl KeyStore {
    fn group(&self, jid: &str) -> Vec<u8> {
        self.keys.hash("group", &[jid.as_bytes()])
    }

    fn device_jid(&self, jid: &str) -> Vec<u8> {
        self.keys.hash("device", &[jid.as_bytes()])
    }

    fn lid(&self, lid: &str) -> Vec<u8> {
        self.keys.hash("lid", &[lid.as_bytes()])
    }

    fn phone(&self, phone: &str) -> Vec<u8> {
        self.keys.hash("phone", &[phone.as_bytes()])
    }

    fn lid_row(&self, entry: &LidPnMappingEntry) -> std::result::Result<Row, KeyStoreError> {
        let row = Row::new(self.lid(&entry.lid), encode(entry)?).in_scope(self.phone(&entry.phone_number));
        Ok(row.stamped(entry.updated_at))
    }

    fn base_key(&self, address: &str, message_id: &str) -> Vec<u8> {
        self.keys.hash("base key", &[address.as_bytes(), message_id.as_bytes()])
    }

    fn device_list_row(&self, record: &DeviceListRecord) -> std::result::Result<Row, KeyStoreError> {
        Ok(Row::new(self.user(&record.user), encode(record)?))
    }

    fn token(&self, jid: &str) -> Vec<u8> {
        self.keys.hash("token", &[jid.as_bytes()])
    }

    async fn write_token(&self, jid: &str, token: TcTokenEntry) -> std::result::Result<(), KeyStoreError> {
        // A token without bytes is a place holder: no age of it keeps the row.
        let stamp = if token.token.is_empty() { i64::MIN } else { token.token_timestamp };
        let until = token.sender_timestamp.unwrap_or(i64::MIN);
        let value = encode(&StoredToken { jid: jid.to_owned(), token })?;
        let row = Row::new(self.token(jid), value).in_scope(self.person(jid)).stamped(stamp).until(until);
        self.keys.put(Kind::TcToken, vec![row]).await
    }

    async fn read_token(&self, jid: &str) -> std::result::Result<Option<TcTokenEntry>, KeyStoreError> {
        let value = self.keys.get(Kind::TcToken, &self.token(jid)).await?;
        value.map(|bytes| decode::<StoredToken>(&bytes).map(|stored| stored.token)).transpose()
    }

    fn sent(&self, chat: &str, id: &str) -> Vec<u8> {
        self.keys.hash("sent", &[chat.as_bytes(), id.as_bytes()])
    }

    fn pending(&self, chat: &str, sender: &str, id: &str) -> Vec<u8> {
        self.keys.hash("pending", &[chat.as_bytes(), sender.as_bytes(), id.as_bytes()])
    }
}

#[async_trait]
impl ProtocolStore for KeyStore {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let found = self.keys.in_scope(Kind::SenderKeyDevice, &self.group(group_jid)).await?;
        let devices: std::result::Result<Vec<_>, KeyStoreError> =
            found.iter().map(|row| decode(&row.value)).collect();
        Ok(devices?)
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        let group = self.group(group_jid);
        let rows: std::result::Result<Vec<_>, KeyStoreError> = entries
            .iter()
            .map(|entry| {
                let key = [group.clone(), self.device_jid(entry.0)].concat();
                Ok(Row::new(key, encode(entry)?).in_scope(group.clone()))
            })
            .collect();
        Ok(self.keys.put(Kind::SenderKeyDevice, rows?).await?)
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        Ok(self.keys.delete_scope(Kind::SenderKeyDevice, &self.group(group_jid)).await?)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        let tails: Vec<_> = device_jids.iter().map(|jid| self.device_jid(jid)).collect();
        Ok(self.keys.delete_tail(Kind::SenderKeyDevice, &tails).await?)
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        Ok(self.keys.delete_kind(Kind::SenderKeyDevice).await?)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        let value = self.keys.get(Kind::LidMapping, &self.lid(lid)).await?;
        Ok(value.map(|bytes| decode(&bytes)).transpose()?)
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        let found = self.keys.in_scope(Kind::LidMapping, &self.phone(phone)).await?;
        Ok(found.first().map(|row| decode(&row.value)).transpose()?)
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        Ok(self.keys.put(Kind::LidMapping, vec![self.lid_row(entry)?]).await?)
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let rows: std::result::Result<Vec<_>, KeyStoreError> =
            entries.iter().map(|entry| self.lid_row(entry)).collect();
        Ok(self.keys.put(Kind::LidMapping, rows?).await?)
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let found = self.keys.all(Kind::LidMapping).await?;
        let entries: std::result::Result<Vec<_>, KeyStoreError> =
            found.iter().map(|row| decode(&row.value)).collect();
        Ok(entries?)
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        let row = Row::new(self.base_key(address, message_id), base_key).in_scope(self.person(address));
        Ok(self.keys.put(Kind::BaseKey, vec![row]).await?)
    }

    async fn has_same_base_key(
        &self,
        address: &str,
        message_id: &str,
        current_base_key: &[u8],
    ) -> Result<bool> {
        let stored = self.keys.get(Kind::BaseKey, &self.base_key(address, message_id)).await?;
        Ok(stored.is_some_and(|stored| stored == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::BaseKey, &[self.base_key(address, message_id)]).await?)
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        Ok(self.keys.put(Kind::DeviceList, vec![self.device_list_row(&record)?]).await?)
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        let rows: std::result::Result<Vec<_>, KeyStoreError> =
            records.iter().map(|record| self.device_list_row(record)).collect();
        Ok(self.keys.put(Kind::DeviceList, rows?).await?)
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        let value = self.keys.get(Kind::DeviceList, &self.user(user)).await?;
        Ok(value.map(|bytes| decode(&bytes)).transpose()?)
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::DeviceList, &[self.user(user)]).await?)
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.get(Kind::GroupMetadata, &self.group(group_jid)).await?)
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        Ok(self.keys.put(Kind::GroupMetadata, vec![Row::new(self.group(group_jid), blob)]).await?)
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        Ok(self.keys.delete(Kind::GroupMetadata, &[self.group(group_jid)]).await?)
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        Ok(self.read_token(jid).await?)
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        let _turn = self.tokens.lock().await;
        Ok(self.write_token(jid, entry.clone()).await?)
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        let _turn = self.tokens.lock().await;
        Ok(self.keys.delete(Kind::TcToken, &[self.token(jid)]).await?)
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        let found = self.keys.all(Kind::TcToken).await?;
        let jids: std::result::Result<Vec<_>, KeyStoreError> =
            found.iter().map(|row| Ok(decode::<StoredToken>(&row.value)?.jid)).collect();
        Ok(jids?)
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        Ok(self.keys.delete_older_both(Kind::TcToken, token_cutoff, sender_cutoff).await?)
    }

    /// Atomic with the other writers of tokens: this process alone writes (the lease), and `tokens` makes it one at
    /// a time.
    async fn touch_tc_token_sender_timestamp(&self, jid: &str, sender_timestamp: i64) -> Result<()> {
        let _turn = self.tokens.lock().await;
        let mut token = self.read_token(jid).await?.unwrap_or_else(|| TcTokenEntry {
            token: Vec::new(),
            token_timestamp: sender_timestamp,
            sender_timestamp: None,
        });
        token.sender_timestamp = token.sender_timestamp.max(Some(sender_timestamp));
        Ok(self.write_token(jid, token).await?)
    }

    /// The newer token wins, a place holder never does; the sender's time stays.
    async fn store_received_tc_token(&self, jid: &str, token: &[u8], token_timestamp: i64) -> Result<()> {
        let _turn = self.tokens.lock().await;
        let existing = self.read_token(jid).await?;
        if existing.as_ref().is_some_and(|old| !old.token.is_empty() && token_timestamp < old.token_timestamp)
        {
            return Ok(());
        }
        let sender_timestamp = existing.and_then(|old| old.sender_timestamp);
        let token = TcTokenEntry { token: token.to_vec(), token_timestamp, sender_timestamp };
        Ok(self.write_token(jid, token).await?)
    }

    async fn store_sent_message(&self, chat_jid: &str, message_id: &str, payload: &[u8]) -> Result<()> {
        let row = Row::new(self.sent(chat_jid, message_id), payload).in_scope(self.person(chat_jid));
        let row = row.stamped(now_secs());
        Ok(self.keys.put(Kind::SentMessage, vec![row]).await?)
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.keys.take(Kind::SentMessage, &self.sent(chat_jid, message_id)).await?)
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(self.keys.delete_older(Kind::SentMessage, cutoff_timestamp).await?)
    }

    async fn store_pending_inbound(&self, chat: &str, sender: &str, id: &str, message: &[u8]) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow { chat, sender, id, message }]).await
    }

    async fn get_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<Option<Vec<u8>>> {
        let key = self.pending(chat, sender, id);
        let copy = self.keys.get(Kind::PendingInbound, &key).await?;
        if copy.is_none() && !self.ledger.is_done(&key) {
            let carried = chat.parse().is_ok_and(|chat| is_person(&chat));
            let message = Unaccounted { chat: chat.into(), sender: sender.into(), id: id.into() };
            self.ledger.missing(message, carried);
            return Err(KeyStoreError::Unaccounted.into());
        }
        Ok(copy)
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete_pending_inbound_batch(&[PendingInboundKey { chat, sender, id }]).await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(self.keys.delete_older(Kind::PendingInbound, cutoff_timestamp).await?)
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let now = now_secs();
        let rows = rows
            .iter()
            .map(|row| {
                let pending = Row::new(self.pending(row.chat, row.sender, row.id), row.message);
                pending.in_scope(self.person(row.chat)).stamped(now)
            })
            .collect();
        Ok(self.keys.put(Kind::PendingInbound, rows).await?)
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let keys: Vec<_> = keys.iter().map(|key| self.pending(key.chat, key.sender, key.id)).collect();
        self.ledger.done(&keys);
        Ok(self.keys.delete(Kind::PendingInbound, &keys).await?)
    }
}
