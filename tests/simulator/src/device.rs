//! A linked device: what the server knows of a client that an account's owner let in.
//!
//! It has an address, the Noise key by which it logs in, its public Signal keys, and a mailbox. Whatever
//! the server has for it goes into the mailbox first and is handed over when a connection is there. It
//! stays in the mailbox until the client acknowledges it, so what was lost with a connection comes again at
//! the next login.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::ProtocolAddress;

use crate::locked;
use crate::phone::Addressing;
use crate::phone::bundle::{Bundle, SignedKeyPublic};
use crate::wire::secure::Outbox;
use crate::wire::stanza;

/// Below this many one-time pre-keys the server asks the client for more.
const FEW_ONE_TIME_KEYS: usize = 10;

/// The public keys of a device, as it registered them.
pub(crate) struct DeviceKeys {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedKeyPublic,
    pub(crate) one_time: BTreeMap<u32, [u8; 32]>,
}

/// A device that an account's owner linked.
pub(crate) struct LinkedDevice {
    id: u16,
    number: String,
    lid: String,
    noise: [u8; 32],
    proof: Vec<u8>,
    pub(crate) keys: Mutex<DeviceKeys>,
    mailbox: Mutex<Mailbox>,
}

#[derive(Default)]
struct Mailbox {
    waiting: VecDeque<Node>,
    /// To be overtaken by the next stanza of its kind.
    held: Option<Node>,
    connection: Option<Connection>,
}

struct Connection {
    id: u64,
    outbox: Outbox,
    /// Whether the client has asked for what is new.
    active: bool,
}

impl LinkedDevice {
    /// A device that was just linked.
    pub(crate) fn new(
        id: u16,
        number: &str,
        lid: &str,
        noise: [u8; 32],
        proof: Vec<u8>,
        keys: DeviceKeys,
    ) -> Self {
        Self {
            id,
            number: number.to_owned(),
            lid: lid.to_owned(),
            noise,
            proof,
            keys: Mutex::new(keys),
            mailbox: Mutex::default(),
        }
    }

    /// The number of the device within the account; also the index of its link.
    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    /// The account's number.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// The key by which the device logs in.
    pub(crate) fn noise(&self) -> &[u8; 32] {
        &self.noise
    }

    /// The full address.
    pub(crate) fn jid(&self, addressing: Addressing) -> Jid {
        match addressing {
            Addressing::PhoneNumber => Jid::pn_device(self.number.as_str(), self.id),
            Addressing::Lid => Jid::lid_device(self.lid.as_str(), self.id),
        }
    }

    /// How phones call this device in their Signal stores.
    pub(crate) fn signal_address(&self) -> ProtocolAddress {
        ProtocolAddress::new(&self.number, u32::from(self.id).into())
    }

    /// The public keys, taking one of the one-time pre-keys.
    pub(crate) fn publish(&self) -> Bundle {
        let mut keys = locked(&self.keys);
        let one_time = keys.one_time.pop_first();
        if one_time.is_some() && keys.one_time.len() == FEW_ONE_TIME_KEYS {
            self.ask_for_keys(keys.one_time.len());
        }
        Bundle {
            registration_id: keys.registration_id,
            identity: keys.identity,
            signed: keys.signed.clone(),
            one_time,
            proof: Some(self.proof.clone()),
        }
    }

    fn ask_for_keys(&self, left: usize) {
        self.deliver(
            NodeBuilder::new("notification")
                .attr("from", stanza::server())
                .attr("id", crate::chance::stanza_id())
                .attr("type", "encrypt")
                .attr("t", crate::clock::seconds().to_string())
                .children([NodeBuilder::new("count").attr("value", left.to_string()).build()])
                .build(),
        );
    }

    /// Puts a stanza into the mailbox, and hands it over if the client is there.
    pub(crate) fn deliver(&self, stanza: Node) {
        let mut mailbox = locked(&self.mailbox);
        let overtakes = stanza.tag == "message";
        mailbox.put(stanza);
        if overtakes && let Some(held) = mailbox.held.take() {
            mailbox.put(held);
        }
    }

    /// Hands over what nobody keeps: a client that is not there misses it.
    pub(crate) fn show(&self, stanza: Node) -> bool {
        let mailbox = locked(&self.mailbox);
        let connection = mailbox.connection.as_ref().filter(|connection| connection.active);
        connection.map(|connection| connection.outbox.send(stanza)).is_some()
    }

    /// Holds a stanza back until another has overtaken it, or it is released.
    pub(crate) fn hold(&self, stanza: Node) {
        let earlier = locked(&self.mailbox).held.replace(stanza);
        if let Some(earlier) = earlier {
            locked(&self.mailbox).put(earlier);
        }
    }

    /// Lets go of what nothing has overtaken.
    pub(crate) fn release(&self) {
        let mut mailbox = locked(&self.mailbox);
        if let Some(held) = mailbox.held.take() {
            mailbox.put(held);
        }
    }

    /// Takes what the client acknowledged out of the mailbox.
    pub(crate) fn acknowledge(&self, class: &str, id: &str) {
        let mut mailbox = locked(&self.mailbox);
        let found = mailbox
            .waiting
            .iter()
            .position(|stanza| stanza.tag == class && stanza::attr(stanza, "id").as_deref() == Some(id));
        if let Some(position) = found {
            mailbox.waiting.remove(position);
        }
    }

    /// Enters a new connection; an older one is told that it was replaced.
    pub(crate) fn connect(&self, id: u64, outbox: Outbox) {
        let connection = Connection { id, outbox, active: false };
        if let Some(older) = locked(&self.mailbox).connection.replace(connection) {
            older.outbox.send(stanza::stream_error(None, Some("replaced")));
            older.outbox.close();
        }
    }

    /// Hands over the mailbox, between an announcement and an end mark; from then on stanzas go out at once.
    pub(crate) fn activate(&self, id: u64) {
        let mut mailbox = locked(&self.mailbox);
        let Mailbox { waiting, connection, .. } = &mut *mailbox;
        let Some(connection) = connection.as_mut().filter(|c| c.id == id && !c.active) else {
            return;
        };
        connection.active = true;
        if !waiting.is_empty() {
            connection.outbox.send(announcement(waiting));
        }
        for stanza in waiting.iter() {
            let mut stanza = stanza.clone();
            stanza.attrs.insert("offline", "0");
            connection.outbox.send(stanza);
        }
        connection.outbox.send(
            NodeBuilder::new("ib")
                .attr("from", stanza::server())
                .children([NodeBuilder::new("offline").attr("count", waiting.len().to_string()).build()])
                .build(),
        );
    }

    /// Forgets a connection that ended, unless another has taken its place.
    pub(crate) fn disconnect(&self, id: u64) {
        let mut mailbox = locked(&self.mailbox);
        if mailbox.connection.as_ref().is_some_and(|c| c.id == id) {
            mailbox.connection = None;
        }
    }

    /// Drops the socket, if there is one.
    pub(crate) fn cut(&self) -> bool {
        let connection = locked(&self.mailbox).connection.take();
        connection.map(|c| c.outbox.cut()).is_some()
    }

    /// Ends the connection as if the same device had connected elsewhere.
    pub(crate) fn replace(&self) -> bool {
        let connection = locked(&self.mailbox).connection.take();
        connection
            .map(|connection| {
                connection.outbox.send(stanza::stream_error(None, Some("replaced")));
                connection.outbox.close();
            })
            .is_some()
    }

    /// Whether the client is connected.
    pub(crate) fn is_connected(&self) -> bool {
        locked(&self.mailbox).connection.is_some()
    }

    /// Ends the connection after the device was removed; with a word, if the owner did it from the phone.
    pub(crate) fn expel(&self, from_phone: bool) {
        if let Some(connection) = locked(&self.mailbox).connection.take() {
            if from_phone {
                connection.outbox.send(stanza::stream_error(Some("401"), Some("device_removed")));
            }
            connection.outbox.close();
        }
    }
}

impl Mailbox {
    fn put(&mut self, stanza: Node) {
        if let Some(connection) = self.connection.as_ref().filter(|connection| connection.active) {
            connection.outbox.send(stanza.clone());
        }
        self.waiting.push_back(stanza);
    }
}

/// How much of which kind is waiting.
fn announcement(waiting: &VecDeque<Node>) -> Node {
    let count = |tag: &str| waiting.iter().filter(|s| s.tag == tag).count().to_string();
    NodeBuilder::new("ib")
        .attr("from", stanza::server())
        .children([NodeBuilder::new("offline_preview")
            .attr("count", waiting.len().to_string())
            .attr("message", count("message"))
            .attr("receipt", count("receipt"))
            .attr("notification", count("notification"))
            .attr("appdata", "0")
            .build()])
        .build()
}
