//! Receipts that a client sends.
//!
//! A receipt takes the message out of the mailbox. A retry receipt says that the client could not decrypt:
//! the customer's phone encrypts the message again, in a new session. What could not be decrypted stays in the mailbox
//! until it is acknowledged, so that the acknowledgement does not take the new copy, which has the same id. Receipts
//! between two linked accounts are passed on.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::Session;
use crate::clock;
use crate::delivery;
use crate::error::PhoneError;
use crate::phone::addressing_of;
use crate::phone::bundle::Bundle;
use crate::wire::stanza;

impl Session {
    /// Takes a receipt of the client.
    pub(super) async fn take_receipt(&self, receipt: &Node) -> Result<(), PhoneError> {
        self.outbox.send(stanza::ack(receipt, "receipt").build());
        let kind = stanza::attr(receipt, "type");
        if kind.as_deref() == Some("retry") {
            return self.write_again(receipt).await;
        }
        for id in stanza::receipt_ids(receipt) {
            self.device.acknowledge("message", &id);
        }
        match kind.as_deref() {
            // "inactive" is delivery to a client that nobody looks at.
            None | Some("inactive") => self.pass_on(receipt, false),
            Some("read") => self.pass_on(receipt, true),
            _ => {}
        }
        Ok(())
    }

    async fn write_again(&self, receipt: &Node) -> Result<(), PhoneError> {
        let author = stanza::jid(receipt, "to").and_then(|jid| self.world.phone_at(&jid));
        let (Some(author), Some(id)) = (author, stanza::attr(receipt, "id")) else {
            return Ok(());
        };
        let attempt = receipt
            .get_optional_child("retry")
            .and_then(|retry| stanza::attr(retry, "count"))
            .and_then(|count| count.parse().ok())
            .unwrap_or(1);
        let registration = stanza::number(stanza::child_bytes(receipt, "registration"));
        let offered =
            receipt.get_optional_child("keys").map(|keys| Bundle::read(registration, keys)).transpose()?;
        delivery::post_again(&author, &self.device, &id, attempt, offered).await
    }

    /// The author's phone learns of the receipt, and so do its linked devices if it has any.
    fn pass_on(&self, receipt: &Node, read: bool) {
        let Some(to) = stanza::jid(receipt, "to") else {
            return;
        };
        let (Some(addressing), Some(phone)) = (addressing_of(&to), self.world.phone_at(&to)) else {
            return;
        };
        for id in stanza::receipt_ids(receipt) {
            phone.mark(&id, read);
        }
        for device in phone.devices() {
            let mut builder = NodeBuilder::new("receipt")
                .attr("from", self.device.jid(addressing))
                .attr("id", stanza::attr(receipt, "id").unwrap_or_default())
                .attr("t", clock::seconds().to_string());
            if let Some(kind) = stanza::attr(receipt, "type") {
                builder = builder.attr("type", kind);
            }
            if let Some(list) = receipt.get_optional_child("list") {
                builder = builder.children([list.clone()]);
            }
            device.deliver(builder.build());
        }
    }
}
