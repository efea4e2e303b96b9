//! Everything the network remembers, for as long as its process lives.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use wacore_binary::Jid;

use crate::error::PhoneError;
use crate::faults::FaultBook;
use crate::locked;
use crate::pairing::WaitingRoom;
use crate::phone::{self, Addressing, Phone};
use crate::traffic::{Traffic, TrafficBook};
use crate::wire::certificate::Certificates;

/// The server, the phones, and the clients that wait to be linked.
pub(crate) struct World {
    pub(crate) certificates: Certificates,
    pub(crate) faults: FaultBook,
    pub(crate) waiting: WaitingRoom,
    pub(crate) traffic: TrafficBook,
    phones: Mutex<Phones>,
    connections: AtomicU64,
}

#[derive(Default)]
struct Phones {
    by_number: HashMap<String, Arc<Phone>>,
    number_of_lid: HashMap<String, String>,
}

impl World {
    /// A world with keys and without people.
    pub(crate) fn new() -> Result<Self, PhoneError> {
        Ok(Self {
            certificates: Certificates::generate()?,
            faults: FaultBook::default(),
            waiting: WaitingRoom::default(),
            traffic: TrafficBook::default(),
            phones: Mutex::default(),
            connections: AtomicU64::new(0),
        })
    }

    /// The phone of a number; it comes into being when it is first mentioned.
    pub(crate) fn phone(&self, number: &str) -> Result<Arc<Phone>, PhoneError> {
        let mut phones = locked(&self.phones);
        if let Some(phone) = phones.by_number.get(number) {
            return Ok(Arc::clone(phone));
        }
        let phone = Arc::new(Phone::new(number)?);
        phones.number_of_lid.insert(phone.lid().to_owned(), number.to_owned());
        phones.by_number.insert(number.to_owned(), Arc::clone(&phone));
        Ok(phone)
    }

    /// The phone behind an address, if that can be one: a hidden number must have been met before.
    pub(crate) fn phone_at(&self, jid: &Jid) -> Option<Arc<Phone>> {
        let number = match phone::addressing_of(jid)? {
            Addressing::PhoneNumber => jid.user.to_string(),
            Addressing::Lid => locked(&self.phones).number_of_lid.get(jid.user.as_str())?.clone(),
        };
        if !phone::is_number(&number) {
            return None;
        }
        self.phone(&number).inspect_err(|error| tracing::error!(%error, "a phone could not be made")).ok()
    }

    /// Who connected how often, and who is online.
    pub(crate) fn traffic(&self) -> Traffic {
        let phones: Vec<_> = locked(&self.phones).by_number.values().cloned().collect();
        let online = |phone: Arc<Phone>| {
            let devices = phone.devices().iter().filter(|device| device.is_connected()).count();
            (devices > 0).then(|| (phone.number().to_owned(), devices))
        };
        let online: BTreeMap<_, _> = phones.into_iter().filter_map(online).collect();
        self.traffic.with_online(online)
    }

    /// A number for a new connection.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }
}
