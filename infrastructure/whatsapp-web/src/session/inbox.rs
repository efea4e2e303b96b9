//! Inbound messages, on their way into the event log before WhatsApp is told that they came.
//!
//! The engine awaits this hook for every decrypted batch and acknowledges only after `Ok`. Nothing is sent from
//! here: the engine holds the sender's ratchet meanwhile. When the sink fails, it is asked again twice; then the
//! batch is left unacknowledged and the session connects anew, because WhatsApp delivers again at a connection, and
//! the engine takes the message from its own buffer then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::whatsapp::InboundMessage;
use wacore::types::events::InboundMessage as Decrypted;
use wacore::types::message::EditAttribute;
use whatsapp_rust::types::durability_hook::InboundDurabilityHook;
use whatsapp_rust::{Client, anyhow};

use super::content::content;
use super::{Shared, party};

/// How long to wait before asking the sink again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// The hook.
pub(crate) struct Inbox(pub(crate) Arc<Shared>);

#[async_trait]
impl InboundDurabilityHook for Inbox {
    async fn on_messages(&self, client: Arc<Client>, batch: &[Decrypted]) -> anyhow::Result<()> {
        let (admitted, refused): (Vec<_>, Vec<_>) = batch.iter().partition(|message| {
            let info = &message.info;
            self.0.ledger.admits(&info.source.chat.to_string(), &info.id)
        });
        self.take(&client, &admitted).await?;
        if refused.is_empty() {
            return Ok(());
        }
        Err(anyhow::anyhow!("their chat waits for an earlier message; they are to be delivered again"))
    }
}

impl Inbox {
    async fn take(&self, client: &Client, batch: &[&Decrypted]) -> anyhow::Result<()> {
        let messages = read(client, batch).await;
        if !messages.is_empty() {
            match self.0.stop.run_until_cancelled(self.store(messages)).await {
                Some(true) => {}
                Some(false) => {
                    self.0.life.redeliver();
                    anyhow::bail!("the messages are not durable; they are to be delivered again");
                }
                None => anyhow::bail!("the session stops; the messages are to be delivered again"),
            }
        }
        settle(&self.0, batch);
        Ok(())
    }

    async fn store(&self, messages: Vec<InboundMessage>) -> bool {
        for pause in PAUSES.iter().map(Some).chain([None]) {
            let Err(error) = self.0.sink.inbound(messages.clone()).await else { return true };
            tracing::warn!(instance = %self.0.spec.instance, %error, "inbound messages were not taken");
            match pause {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => break,
            }
        }
        false
    }
}

/// The sink has these, or will have them before anything that is said to WhatsApp from now on. If one of them was waited
/// for, what was refused meanwhile is to come again.
pub(crate) fn settle(shared: &Shared, batch: &[&Decrypted]) {
    for message in batch {
        if shared.ledger.settle(&message.info.source.chat.to_string(), &message.info.id) {
            shared.life.redeliver();
        }
    }
}

/// What of a batch is for the event log.
pub(crate) async fn read(client: &Client, batch: &[&Decrypted]) -> Vec<InboundMessage> {
    let mut messages = Vec::with_capacity(batch.len());
    for decrypted in batch {
        match read_one(client, decrypted).await {
            Some(message) => messages.push(message),
            None => tracing::debug!("a stanza without content for a one-to-one chat was skipped"),
        }
    }
    messages
}

async fn read_one(client: &Client, decrypted: &Decrypted) -> Option<InboundMessage> {
    let info = &decrypted.info;
    if info.edit != EditAttribute::Empty {
        return None;
    }
    let content = content(&decrypted.message)?;
    let party = party::other(client, info).await?;
    let from_me = info.source.is_from_me;
    Some(InboundMessage {
        whatsapp_id: info.id.clone(),
        party,
        from_me,
        // The account's own name is not the name of the other side.
        push_name: (!from_me && !info.push_name.is_empty()).then(|| info.push_name.clone()),
        sent_at: info.timestamp,
        content,
    })
}
