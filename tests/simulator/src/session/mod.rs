//! One connection of a client, from the WebSocket to its end.
//!
//! After the handshake a client without a registration waits in the [`WaitingRoom`](crate::pairing), one
//! with a registration logs in. What it then sends goes to [`iq`] and its parts ([`keys`], [`usync`]),
//! [`messages`] or [`receipts`].

mod iq;
mod keys;
mod messages;
mod receipts;
mod usync;

use std::sync::Arc;

use tokio::net::TcpStream;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use waproto::buffa::Message as _;
use waproto::whatsapp::ClientPayload;
use waproto::whatsapp::client_payload::DevicePairingRegistrationData;

use crate::device::{DeviceKeys, LinkedDevice};
use crate::error::{PhoneError, WireError};
use crate::faults::{LoginRefusal, pause};
use crate::phone::Addressing;
use crate::phone::bundle::{SignedKeyPublic, key};
use crate::wire::secure::{Outbox, StanzaReader};
use crate::wire::{handshake, link, stanza};
use crate::world::World;
use crate::{chance, clock};

/// Serves a connection until it ends.
pub(crate) async fn serve(world: Arc<World>, stream: TcpStream) {
    world.traffic.connection();
    if world.faults.current().refuse_connections {
        return;
    }
    if let Err(error) = run(&world, stream).await {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn run(world: &Arc<World>, stream: TcpStream) -> Result<(), WireError> {
    // Small frames must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the socket keeps its delay");
    }
    let socket = tokio_tungstenite::accept_async(stream).await.map_err(Box::new)?;
    let (mut writer, mut reader) = link::split(socket);
    let shaken = handshake::accept(&world.certificates, &mut writer, &mut reader).await?;
    let payload = ClientPayload::decode_from_slice(&shaken.payload)
        .map_err(|error| WireError::Malformed(error.to_string()))?;
    let (outbox, mut writing) = Outbox::spawn(writer, shaken.seal);
    let reader = StanzaReader::new(reader, shaken.open);
    let session = async {
        match payload.device_pairing_data.as_option() {
            Some(registration) => wait(world, outbox, reader, shaken.client, registration).await,
            None => log_in(world, outbox, reader, shaken.client, &payload).await,
        }
    };
    // The writer ends when the connection is closed or cut; reading ends with it.
    tokio::select! {
        ended = session => {
            // What was put into the outbox last must still go out.
            if let Err(error) = writing.await {
                tracing::error!(%error, "the writing task died");
            }
            ended
        }
        _ = &mut writing => Ok(()),
    }
}

/// A new client shows QR codes until it is linked or goes away.
async fn wait(
    world: &World,
    outbox: Outbox,
    mut reader: StanzaReader,
    noise: [u8; 32],
    registration: &DevicePairingRegistrationData,
) -> Result<(), WireError> {
    let keys = registered_keys(registration).map_err(|error| WireError::Malformed(error.to_string()))?;
    pause(world.faults.current().first_qr_delay_ms).await;
    let waiting = world.waiting.enter(noise, keys, outbox.clone());
    let _leaving = OnDrop(|| world.waiting.leave(&waiting));
    while let Some(node) = reader.next().await? {
        if node.tag == "iq" {
            match stanza::attr(&node, "type").as_deref() {
                Some("get" | "set") => {
                    let answer = waiting.take_request(&node);
                    outbox.send(answer.unwrap_or_else(|| iq::before_login(&node)));
                }
                _ => waiting.answer(node),
            }
        }
    }
    Ok(())
}

fn registered_keys(data: &DevicePairingRegistrationData) -> Result<DeviceKeys, PhoneError> {
    fn field(value: &Option<Vec<u8>>) -> &[u8] {
        value.as_deref().unwrap_or_default()
    }
    Ok(DeviceKeys {
        registration_id: stanza::number(field(&data.e_regid)),
        identity: key(field(&data.e_ident), "identity")?,
        signed: SignedKeyPublic {
            id: stanza::number(field(&data.e_skey_id)),
            value: key(field(&data.e_skey_val), "signed pre-key")?,
            signature: field(&data.e_skey_sig).to_vec(),
        },
        one_time: Default::default(),
    })
}

/// A linked device logs in; the server answers what it sends until it goes away.
async fn log_in(
    world: &Arc<World>,
    outbox: Outbox,
    mut reader: StanzaReader,
    noise: [u8; 32],
    payload: &ClientPayload,
) -> Result<(), WireError> {
    let found = linked(world, noise, payload);
    if let Some(device) = &found {
        world.traffic.login(device.number());
    }
    let refusal =
        world.faults.current().refuse_logins.or_else(|| found.is_none().then(LoginRefusal::unlinked));
    let (Some(device), None) = (found, &refusal) else {
        outbox.send(failure(&refusal.unwrap_or_else(LoginRefusal::unlinked)));
        outbox.close();
        return Ok(());
    };
    let connection = world.next_connection();
    device.connect(connection, outbox.clone());
    let _leaving = OnDrop(|| device.disconnect(connection));
    outbox.send(success(&device));
    outbox.send(routing());
    if payload.passive != Some(true) {
        device.activate(connection);
    }
    let session = Session { world: Arc::clone(world), device: Arc::clone(&device), outbox, connection };
    while let Some(node) = reader.next().await? {
        if !session.outbox.is_closing() {
            session.take(&node).await;
        }
    }
    Ok(())
}

fn linked(world: &World, noise: [u8; 32], payload: &ClientPayload) -> Option<Arc<LinkedDevice>> {
    let number = payload.username?.to_string();
    let id = u16::try_from(payload.device.unwrap_or_default()).ok()?;
    let jid = wacore_binary::Jid::pn(number.as_str());
    let device = world.phone_at(&jid)?.device(id)?;
    (*device.noise() == noise).then_some(device)
}

fn failure(refusal: &LoginRefusal) -> Node {
    let mut builder =
        NodeBuilder::new("failure").attr("reason", refusal.reason.to_string()).attr("location", "sim");
    if let Some(code) = refusal.code {
        builder = builder.attr("code", code.to_string());
    }
    if let Some(seconds) = refusal.expire {
        builder = builder.attr("expire", seconds.to_string());
    }
    builder.build()
}

fn success(device: &LinkedDevice) -> Node {
    let now = clock::seconds().to_string();
    NodeBuilder::new("success")
        .attr("t", now.clone())
        .attr("creation", now)
        .attr("lid", device.jid(Addressing::Lid))
        .attr("location", "sim")
        .attr("props", "27")
        .attr("abprops", "0")
        .build()
}

/// The client must show these bytes when it comes again, as a prefix before the prologue.
fn routing() -> Node {
    NodeBuilder::new("ib")
        .attr("from", stanza::server())
        .children([NodeBuilder::new("edge_routing")
            .children([NodeBuilder::new("routing_info").bytes(chance::bytes::<4>()).build()])
            .build()])
        .build()
}

/// A connection of a linked device.
struct Session {
    world: Arc<World>,
    device: Arc<LinkedDevice>,
    outbox: Outbox,
    connection: u64,
}

impl Session {
    /// Takes one stanza of the client.
    async fn take(&self, node: &Node) {
        let taken = match node.tag.as_ref() {
            "iq" => self.take_iq(node).await,
            "message" => self.take_message(node).await,
            "receipt" => self.take_receipt(node).await,
            "ack" => {
                self.take_ack(node);
                Ok(())
            }
            // Presence, typing and information that a server keeps to itself.
            _ => Ok(()),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, stanza = %stanza::Outline(node), "a phone could not do its part");
        }
    }

    fn take_ack(&self, ack: &Node) {
        if let (Some(class), Some(id)) = (stanza::attr(ack, "class"), stanza::attr(ack, "id")) {
            self.device.acknowledge(&class, &id);
        }
    }
}

/// Runs something when the session ends, by whichever way.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
