//! From a phone to linked devices: seal, wrap, put into the mailbox.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::device::LinkedDevice;
use crate::error::PhoneError;
use crate::phone::book::{Draft, WrittenMessage};
use crate::phone::bundle::Bundle;
use crate::phone::keys::{Ciphertext, Keys};
use crate::phone::{self, Addressing, Phone, content};
use crate::world::World;
use crate::{chance, clock};

/// How long a message waits to be overtaken.
const HELD: Duration = Duration::from_millis(250);

/// A customer writes to an account: the body of `POST /messages`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Letter {
    /// The customer's number.
    pub(crate) from: String,
    /// The customer's push name; the one that was used before, if left out.
    pub(crate) name: Option<String>,
    /// The account's number.
    pub(crate) to: String,
    pub(crate) text: String,
    /// Chosen by the phone unless a test wants a certain one.
    pub(crate) id: Option<String>,
    /// Whether the stanza names the customer by the hidden number.
    #[serde(default)]
    pub(crate) lid: bool,
}

/// Why a customer could not write.
#[derive(Debug, Error)]
pub(crate) enum LetterError {
    #[error("a phone number has 7 to 15 digits")]
    NotANumber,
    #[error("the number {0} is not on WhatsApp")]
    NotOnWhatsApp(String),
    #[error("the account {0} has no linked device")]
    NothingLinked(String),
    #[error("the customer's phone could not encrypt")]
    Phone(#[from] PhoneError),
}

/// Lets a customer write; returns the id of the message.
pub(crate) async fn write(world: &World, letter: &Letter) -> Result<String, LetterError> {
    for number in [&letter.from, &letter.to] {
        if !phone::is_number(number) {
            return Err(LetterError::NotANumber);
        }
    }
    let customer = world.phone(&letter.from)?;
    let account = world.phone(&letter.to)?;
    for phone in [&customer, &account] {
        if !phone.is_on_whatsapp() {
            return Err(LetterError::NotOnWhatsApp(phone.number().to_owned()));
        }
    }
    let devices = account.devices();
    if devices.is_empty() {
        return Err(LetterError::NothingLinked(letter.to.clone()));
    }
    if let Some(name) = &letter.name {
        customer.rename(name);
    }
    let id = letter.id.clone().unwrap_or_else(chance::message_id);
    let message = Draft {
        plaintext: content::text(&letter.text),
        addressing: if letter.lid { Addressing::Lid } else { Addressing::PhoneNumber },
        at: clock::seconds(),
    };
    let row = WrittenMessage {
        id: id.clone(),
        to: letter.to.clone(),
        text: letter.text.clone(),
        delivered: false,
        read: false,
    };
    customer.note(row, message.clone());
    let copies = 1 + u32::from(world.faults.use_up(|faults| &mut faults.duplicate_inbound));
    let corrupt = world.faults.use_up(|faults| &mut faults.corrupt_inbound);
    let late = world.faults.use_up(|faults| &mut faults.reorder_inbound);
    for device in devices {
        for _ in 0..copies {
            let Sealed { stanza, _turn } = seal(&customer, &device, &id, &message, corrupt).await?;
            if late { overtaken(&device, stanza) } else { device.deliver(stanza) }
        }
    }
    Ok(id)
}

/// A stanza that is handed on while the phone's keys are locked, so that the order of the ratchet is the order of
/// the stanzas.
struct Sealed<'a> {
    stanza: Node,
    _turn: tokio::sync::MutexGuard<'a, Keys>,
}

/// Lets the account's next message overtake this one; if none comes soon, it goes by itself.
fn overtaken(device: &Arc<LinkedDevice>, stanza: Node) {
    device.hold(stanza);
    let device = Arc::clone(device);
    tokio::spawn(async move {
        tokio::time::sleep(HELD).await;
        device.release();
    });
}

/// Seals one copy.
async fn seal<'a>(
    customer: &'a Phone,
    device: &LinkedDevice,
    id: &str,
    message: &Draft,
    corrupt: bool,
) -> Result<Sealed<'a>, PhoneError> {
    let peer = device.signal_address();
    let mut keys = customer.keys.lock().await;
    if !keys.knows(&peer) {
        keys.meet(&peer, &device.publish()).await?;
    }
    let mut sealed = keys.seal(&peer, &message.plaintext).await?;
    if corrupt {
        sealed = sealed.corrupted()?;
    }
    Ok(Sealed { stanza: envelope(customer, id, message, sealed, None), _turn: keys })
}

/// Seals a message once more, in a new session, because the device could not open it.
pub(crate) async fn post_again(
    customer: &Phone,
    device: &LinkedDevice,
    id: &str,
    attempt: u32,
    offered: Option<Bundle>,
) -> Result<(), PhoneError> {
    let Some(message) = customer.draft(id) else {
        tracing::warn!(id, "the client asks again for a message that nobody wrote");
        return Ok(());
    };
    let peer = device.signal_address();
    let mut keys = customer.keys.lock().await;
    let bundle = offered.unwrap_or_else(|| device.publish());
    keys.meet(&peer, &bundle).await?;
    let sealed = keys.seal(&peer, &message.plaintext).await?;
    device.deliver(envelope(customer, id, &message, sealed, Some(attempt)));
    Ok(())
}

fn envelope(customer: &Phone, id: &str, message: &Draft, sealed: Ciphertext, attempt: Option<u32>) -> Node {
    let builder = NodeBuilder::new("message")
        .attr("from", customer.jid(message.addressing))
        .attr("id", id)
        .attr("type", "text")
        .attr("t", message.at.to_string())
        .attr("notify", customer.name());
    let builder = match message.addressing {
        Addressing::PhoneNumber => {
            builder.attr("addressing_mode", "pn").attr("sender_lid", customer.jid(Addressing::Lid))
        }
        Addressing::Lid => {
            builder.attr("addressing_mode", "lid").attr("sender_pn", customer.jid(Addressing::PhoneNumber))
        }
    };
    builder.children([enc(sealed, attempt)]).build()
}

/// The account's phone shares the key of the account's settings with a new device.
pub(crate) async fn share_settings_key(
    account: &Phone,
    device: &LinkedDevice,
    plaintext: Vec<u8>,
) -> Result<(), PhoneError> {
    let peer = device.signal_address();
    let mut keys = account.keys.lock().await;
    keys.meet(&peer, &device.publish()).await?;
    let sealed = keys.seal(&peer, &plaintext).await?;
    device.deliver(
        NodeBuilder::new("message")
            .attr("from", account.jid(Addressing::PhoneNumber))
            .attr("id", chance::message_id())
            .attr("type", "text")
            .attr("category", "peer")
            .attr("t", clock::seconds().to_string())
            .attr("notify", account.name())
            .children([enc(sealed, None)])
            .build(),
    );
    Ok(())
}

fn enc(sealed: Ciphertext, attempt: Option<u32>) -> Node {
    let mut builder = NodeBuilder::new("enc").attr("v", "2").attr("type", sealed.kind);
    if let Some(attempt) = attempt {
        builder = builder.attr("count", attempt.to_string());
    }
    builder.bytes(sealed.bytes).build()
}
