//! Marking a chat as read, and telling whoever wrote.

use interflow_domain::ChatId;

use super::Gateway;
use super::slot::Slot;
use crate::whatsapp::Party;
use crate::{Context, Error, NewlyRead, ReadChat};

impl Gateway {
    /// Marks a chat as read, and tells whoever wrote, if that is set and this node has the session. They are told once
    /// at best: nothing waits for it, and nothing repeats it after a crash.
    pub async fn read_chat(&self, context: &Context, read: &ReadChat) -> Result<ChatId, Error> {
        let newly_read = self.0.core.run(context, read).await?.output;
        let newly_read = newly_read.filter(|_| self.0.settings.send_read_receipts);
        if let Some(NewlyRead { instance, party, whatsapp_ids }) = newly_read
            && let Some(slot) = self.slots().get(&instance).cloned()
        {
            let stopping = self.0.stopping.clone();
            self.0.tasks.spawn(async move {
                stopping.run_until_cancelled(slot.mark_read(&party, &whatsapp_ids)).await
            });
        }
        Ok(read.id)
    }
}

impl Slot {
    /// Tells who wrote these messages that they were read, if a session runs here. At best: nobody waits for it.
    async fn mark_read(&self, party: &Party, whatsapp_ids: &[String]) {
        let Ok(session) = self.session().await else { return };
        if let Err(error) = session.mark_read(party, whatsapp_ids).await {
            tracing::info!(instance = %self.instance, %error, "a customer was not told that messages were read");
        }
    }
}
