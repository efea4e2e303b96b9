//! Messages that a client sends.
//!
//! The server acknowledges at once. Each `<enc>` is for one device: a phone decrypts its own, as the real
//! phone would, and reports delivery and reading; another linked device gets its own put into its mailbox.

use std::sync::Arc;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};

use super::Session;
use crate::clock;
use crate::device::LinkedDevice;
use crate::error::PhoneError;
use crate::faults::{Faults, Receipts, pause};
use crate::phone::content::{self, Read};
use crate::phone::keys::Opened;
use crate::phone::{Phone, addressing_of};
use crate::wire::secure::Outbox;
use crate::wire::stanza;

/// What became of a copy that was meant for a phone.
enum Outcome {
    /// It is in the list of received messages.
    Entered,
    /// It was of no interest to anybody but the phone.
    Kept,
    /// The phone has asked for it again.
    AskedAgain,
}

impl Session {
    /// Takes a message of the client.
    pub(super) async fn take_message(&self, message: &Node) -> Result<(), PhoneError> {
        let faults = &self.world.faults;
        if faults.use_up(|faults| &mut faults.drop_messages) {
            return Ok(());
        }
        let (Some(id), Some(to)) = (stanza::attr(message, "id"), stanza::jid(message, "to")) else {
            return Ok(());
        };
        let phone = self.world.phone_at(&to).filter(|p| p.is_on_whatsapp());
        if phone.is_none() && !to.is_status_broadcast() {
            self.outbox.send(stanza::ack(message, "message").attr("error", "404").build());
            return Ok(());
        }
        if !faults.use_up(|faults| &mut faults.drop_acks) {
            self.acknowledge_message(message, faults.current().ack_delay_ms);
        }
        for (target, enc) in copies(message, &to) {
            let Some(phone) = self.world.phone_at(&target) else {
                continue;
            };
            if target.device == 0 {
                let outcome = self.hand_to_phone(&phone, &id, enc).await?;
                if let Outcome::Entered = outcome {
                    self.report(&to, &id);
                }
            } else if let Some(device) = phone.device(target.device) {
                device.deliver(self.forward(message, &id, &to, &target, enc).await);
            }
        }
        Ok(())
    }

    fn acknowledge_message(&self, message: &Node, delay: u64) {
        let ack = stanza::ack(message, "message").build();
        if delay == 0 {
            self.outbox.send(ack);
            return;
        }
        let outbox: Outbox = self.outbox.clone();
        tokio::spawn(async move {
            pause(delay).await;
            outbox.send(ack);
        });
    }

    async fn hand_to_phone(&self, phone: &Arc<Phone>, id: &str, enc: &Node) -> Result<Outcome, PhoneError> {
        let kind = stanza::attr(enc, "type").unwrap_or_default();
        let peer = self.device.signal_address();
        let opened = phone.keys.lock().await.open(&peer, &kind, stanza::bytes(enc)).await;
        let read = match opened {
            Ok(Opened::Plaintext(plaintext)) => content::read(&plaintext),
            Ok(Opened::Repeated) if phone.count_copy(id, self.device.number()) => {
                return Ok(Outcome::Entered);
            }
            Ok(Opened::Repeated) => {
                tracing::warn!(id, "the client used a message key twice");
                return self.ask_again(phone, id).await;
            }
            Err(error) => {
                tracing::warn!(id, %error, "a phone could not decrypt");
                return self.ask_again(phone, id).await;
            }
        };
        match read? {
            Read::Message(text) => {
                phone.enter(id, self.device.number(), text);
                Ok(Outcome::Entered)
            }
            Read::Housekeeping => Ok(Outcome::Kept),
        }
    }

    /// The phone asks the client to encrypt the message again, from the second time on with new keys.
    async fn ask_again(&self, phone: &Arc<Phone>, id: &str) -> Result<Outcome, PhoneError> {
        const PATIENCE: u32 = 5;
        let attempt = phone.complain(id);
        if attempt > PATIENCE {
            return Ok(Outcome::AskedAgain);
        }
        let now = clock::seconds().to_string();
        let mut keys = phone.keys.lock().await;
        let mut children = vec![
            NodeBuilder::new("retry")
                .attr("v", "1")
                .attr("id", id)
                .attr("t", now.clone())
                .attr("count", attempt.to_string())
                .build(),
            NodeBuilder::new("registration").bytes(keys.registration_id().to_be_bytes()).build(),
        ];
        if attempt > 1 {
            children.push(keys.publish().to_keys());
        }
        self.device.deliver(
            NodeBuilder::new("receipt")
                .attr("from", phone.jid(crate::phone::Addressing::PhoneNumber))
                .attr("id", id)
                .attr("type", "retry")
                .attr("t", now)
                .children(children)
                .build(),
        );
        Ok(Outcome::AskedAgain)
    }

    /// The customer's phone reports delivery, and after a while that the message was read.
    fn report(&self, to: &Jid, id: &str) {
        let Faults { receipts, receipt_delay_ms, read_delay_ms, .. } = self.world.faults.current();
        if receipts == Receipts::None {
            return;
        }
        let (device, from, id) = (Arc::clone(&self.device), to.to_non_ad(), id.to_owned());
        let mut kinds = match receipts {
            Receipts::All => vec![None, Some("read")],
            _ => vec![None],
        };
        if self.world.faults.use_up(|faults| &mut faults.reorder_receipts) {
            kinds.reverse();
        }
        let copies = 1 + usize::from(self.world.faults.use_up(|faults| &mut faults.duplicate_receipts));
        tokio::spawn(async move {
            for (kind, delay) in kinds.into_iter().zip([receipt_delay_ms, read_delay_ms]) {
                pause(delay).await;
                for _ in 0..copies {
                    device.deliver(receipt(&from, &id, kind));
                }
            }
        });
    }

    /// The copy for another linked device, of the other account or of the same.
    async fn forward(&self, message: &Node, id: &str, to: &Jid, target: &Jid, enc: &Node) -> Node {
        let sender: &LinkedDevice = &self.device;
        let addressing = addressing_of(target).unwrap_or(crate::phone::Addressing::PhoneNumber);
        let name = self.world.phone(sender.number()).map(|account| account.name()).unwrap_or_default();
        let mut builder = NodeBuilder::new("message")
            .attr("from", sender.jid(addressing))
            .attr("id", id)
            .attr("t", clock::seconds().to_string())
            .attr("notify", name);
        for key in ["type", "edit", "category"] {
            if let Some(value) = stanza::attr(message, key) {
                builder = builder.attr(key, value);
            }
        }
        let own = self.world.phone_at(target).map(|p| p.number().to_owned());
        if own.as_deref() == Some(sender.number()) {
            builder = builder.attr("recipient", to.to_non_ad());
        }
        let identity = message.get_optional_child("device-identity").cloned();
        builder.children(std::iter::once(enc.clone()).chain(identity)).build()
    }
}

/// Each `<enc>` with the device that it is for.
fn copies<'a>(message: &'a Node, to: &Jid) -> Vec<(Jid, &'a Node)> {
    let direct = message.get_children_by_tag("enc").map(|enc| (to.clone(), enc));
    let addressed = message
        .get_optional_child("participants")
        .map(stanza::children)
        .unwrap_or_default()
        .iter()
        .filter_map(|to| Some((stanza::jid(to, "jid")?, to.get_optional_child("enc")?)));
    direct.chain(addressed).collect()
}

fn receipt(from: &Jid, id: &str, kind: Option<&'static str>) -> Node {
    let mut builder =
        NodeBuilder::new("receipt").attr("from", from).attr("id", id).attr("t", clock::seconds().to_string());
    if let Some(kind) = kind {
        builder = builder.attr("type", kind);
    }
    builder.build()
}
