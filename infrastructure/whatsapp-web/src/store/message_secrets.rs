//! The secrets by which later additions to a message (a vote, an edit) are decrypted.

use async_trait::async_trait;
use wacore::store::error::Result;
use wacore::store::traits::{MsgSecretEntry, MsgSecretStore};

use super::{KeyStore, Kind, Row};

impl KeyStore {
    fn secret(&self, chat: &str, sender: &str, id: &str) -> Vec<u8> {
        self.keys.hash("secret", &[chat.as_bytes(), sender.as_bytes(), id.as_bytes()])
    }
}

#[async_trait]
impl MsgSecretStore for KeyStore {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let count = entries.len();
        let rows = entries.iter().map(|entry| {
            Row::new(self.secret(&entry.chat, &entry.sender, &entry.msg_id), &entry.secret[..])
                .in_scope(self.person(&entry.chat))
                .stamped(entry.message_ts)
                .until(entry.expires_at)
        });
        self.keys.put_later(Kind::MessageSecret, rows.collect()).await?;
        Ok(count)
    }

    async fn get_msg_secret(&self, chat: &str, sender: &str, msg_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.get_msg_secret_with_ts(chat, sender, msg_id).await?.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        let mut found = self.keys.find(Kind::MessageSecret, &[self.secret(chat, sender, msg_id)]).await?;
        Ok(found.pop().map(|row| (row.value, row.stamp)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(self.keys.delete_due(Kind::MessageSecret, cutoff_timestamp).await?)
    }
}
