//! From a QR code to a linked device.
//!
//! The server gives a waiting client six references. The client shows each in turn, the first for 60 s and
//! the others for 20 s, together with its keys and a secret. [`scan`] is the owner's phone: it checks the
//! code against what the client registered, signs the link, and waits for the client's own signature.
//!
//! [`code`] reads what is in the QR code, [`link_code`] is the way without a camera, [`room`] is where
//! clients wait.

mod code;
mod link_code;
mod room;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::oneshot;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use crate::device::LinkedDevice;
use crate::error::PhoneError;
use crate::phone::{Addressing, Phone, content, identity};
use crate::wire::stanza;
use crate::world::World;
use crate::{chance, clock, delivery, phone};

pub(crate) use room::{Waiting, WaitingRoom};

const CLIENT_ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Why a scan was refused.
#[derive(Debug, Error)]
pub(crate) enum ScanError {
    #[error("the QR code cannot be read: {0}")]
    Malformed(&'static str),
    #[error("no client shows this QR code")]
    Unknown,
    #[error("the QR code has expired")]
    Expired,
    #[error("the keys in the QR code are not those that the client registered")]
    OtherKeys,
    #[error("somebody has scanned this QR code already")]
    AlreadyScanned,
    #[error("a phone number has 7 to 15 digits")]
    NotANumber,
    #[error("the number {0} is not on WhatsApp")]
    NotOnWhatsApp(String),
    #[error("no client shows a code for the number {0}")]
    NoLinkCode(String),
    #[error("that is not the code that the client shows")]
    WrongCode,
    #[error("the client refused the link: {0}")]
    RefusedByClient(String),
    #[error("the client went away or did not answer")]
    ClientGone,
    #[error("the phone could not sign the link")]
    Phone(#[from] PhoneError),
}

/// The owner of `number` scans a QR code; returns the linked device.
pub(crate) async fn scan(
    world: &World,
    qr: &str,
    number: &str,
    name: Option<&str>,
) -> Result<Arc<LinkedDevice>, ScanError> {
    let code = code::read(qr)?;
    let waiting = world.waiting.find(&code.reference).ok_or(ScanError::Unknown)?;
    if waiting.has_expired(&code.reference) {
        return Err(ScanError::Expired);
    }
    if code.noise != waiting.noise || code.identity != waiting.identity {
        return Err(ScanError::OtherKeys);
    }
    let phone = owner(world, number, name)?;
    link(&waiting, &phone, &code.secret).await
}

/// The owner of `number` types the eight characters that a client shows; returns the linked device.
pub(crate) async fn enter_code(
    world: &World,
    code: &str,
    number: &str,
    name: Option<&str>,
) -> Result<Arc<LinkedDevice>, ScanError> {
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    if code.len() != 8 {
        return Err(ScanError::WrongCode);
    }
    let phone = owner(world, number, name)?;
    let waiting = wait_for_code(world, number).await?;
    let account = phone.keys.lock().await.identity().clone();
    let code = code.to_ascii_uppercase();
    let secret = waiting.link_code.enter(&code, &account, &waiting.identity, &waiting.outbox).await?;
    link(&waiting, &phone, &secret).await
}

/// A client may show its code before the server has heard of it.
async fn wait_for_code(world: &World, number: &str) -> Result<Arc<Waiting>, ScanError> {
    const ATTEMPTS: u32 = 20;
    for _ in 0..ATTEMPTS {
        if let Some(waiting) = world.waiting.find_by_number(number) {
            return Ok(waiting);
        }
        crate::faults::pause(50).await;
    }
    Err(ScanError::NoLinkCode(number.to_owned()))
}

fn owner(world: &World, number: &str, name: Option<&str>) -> Result<Arc<Phone>, ScanError> {
    if !phone::is_number(number) {
        return Err(ScanError::NotANumber);
    }
    let phone = world.phone(number)?;
    if !phone.is_on_whatsapp() {
        return Err(ScanError::NotOnWhatsApp(number.to_owned()));
    }
    if let Some(name) = name {
        phone.rename(name);
    }
    Ok(phone)
}

async fn link(waiting: &Waiting, phone: &Phone, secret: &[u8]) -> Result<Arc<LinkedDevice>, ScanError> {
    let iq = chance::stanza_id();
    let (sender, answer) = oneshot::channel();
    let keys = waiting.take_keys(&iq, sender)?;
    let id = phone.next_device_id();
    let offer = identity::offer(
        phone.keys.lock().await.identity(),
        phone.raw_id(),
        u32::from(id),
        waiting.identity,
        secret,
    )?;
    waiting.outbox.send(pair_success(&iq, phone, id, offer.sealed.clone()));
    let answer = tokio::time::timeout(CLIENT_ANSWERS_WITHIN, answer)
        .await
        .map_err(|_| ScanError::ClientGone)?
        .map_err(|_| ScanError::ClientGone)?;
    let proof = accepted_proof(&answer)?;
    if !offer.is_accepted_by(&proof) {
        return Err(ScanError::RefusedByClient("its signature does not verify".into()));
    }
    let device = Arc::new(LinkedDevice::new(id, phone.number(), phone.lid(), waiting.noise, proof, keys));
    for other in phone.devices() {
        // The same client was linked before and has not been unlinked.
        if other.noise() == device.noise() {
            phone.unlink(other.id());
        }
    }
    phone.link(Arc::clone(&device));
    delivery::share_settings_key(phone, &device, content::settings_key_share(id)).await?;
    waiting.outbox.send(stanza::stream_error(Some("515"), None));
    waiting.outbox.close();
    Ok(device)
}

fn pair_success(iq: &str, phone: &Phone, device: u16, sealed: Vec<u8>) -> Node {
    let jid = phone.jid(Addressing::PhoneNumber).with_device(device);
    let lid = phone.jid(Addressing::Lid).with_device(device);
    NodeBuilder::new("iq")
        .attr("from", stanza::server())
        .attr("type", "set")
        .attr("id", iq)
        .attr("xmlns", "md")
        .attr("t", clock::seconds().to_string())
        .children([NodeBuilder::new("pair-success")
            .children([
                NodeBuilder::new("device-identity").bytes(sealed).build(),
                NodeBuilder::new("biz").attr("name", phone.name()).build(),
                NodeBuilder::new("device").attr("jid", jid).attr("lid", lid).build(),
                NodeBuilder::new("platform").attr("name", "android").build(),
            ])
            .build()])
        .build()
}

/// The device's proof in `<pair-device-sign><device-identity/></pair-device-sign>`.
fn accepted_proof(answer: &Node) -> Result<Vec<u8>, ScanError> {
    if let Some(error) = answer.get_optional_child("error") {
        let text = stanza::attr(error, "text").unwrap_or_else(|| "no reason given".into());
        return Err(ScanError::RefusedByClient(text));
    }
    answer
        .get_optional_child_by_tag(&["pair-device-sign", "device-identity"])
        .map(|node| stanza::bytes(node).to_vec())
        .ok_or_else(|| ScanError::RefusedByClient("it did not sign".into()))
}
