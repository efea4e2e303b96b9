//! The simulated phones.
//!
//! Every number that is ever mentioned has a phone: a customer's, or that of an account whose owner links
//! the gateway to it. A phone is device 0 of its number. It has a Signal identity, publishes pre-keys, keeps
//! a session with each linked device that writes to it, and remembers what it received and what it wrote.
//!
//! * [`book`]: what it received and what it wrote.
//! * [`keys`]: the Signal side, over [`store`].
//! * [`bundle`]: public keys as others fetch them, of phones and linked devices alike.
//! * [`identity`]: the signatures by which the phone vouches for its linked devices.
//! * [`content`]: plaintexts in and out.

pub(crate) mod book;
pub(crate) mod bundle;
pub(crate) mod content;
pub(crate) mod identity;
pub(crate) mod keys;
mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use wacore_binary::{Jid, Server};

use crate::device::LinkedDevice;
use crate::error::PhoneError;
use crate::{chance, locked};
use book::{Book, Draft, ReceivedMessage, WrittenMessage};
use keys::Keys;

/// How a stanza names a person: by phone number, or by the number that hides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    PhoneNumber,
    Lid,
}

/// A simulated phone.
pub(crate) struct Phone {
    number: String,
    lid: String,
    pub(crate) keys: tokio::sync::Mutex<Keys>,
    state: Mutex<State>,
}

struct State {
    name: String,
    on_whatsapp: bool,
    book: Book,
    complaints: HashMap<String, u32>,
    devices: BTreeMap<u16, Arc<LinkedDevice>>,
    last_device: u16,
    raw_id: u32,
}

impl Phone {
    /// A phone that was just taken out of its box.
    pub(crate) fn new(number: &str) -> Result<Self, PhoneError> {
        Ok(Self {
            number: number.to_owned(),
            lid: lid_of(number),
            keys: tokio::sync::Mutex::new(Keys::generate()?),
            state: Mutex::new(State {
                name: String::new(),
                on_whatsapp: true,
                book: Book::default(),
                complaints: HashMap::new(),
                devices: BTreeMap::new(),
                last_device: 0,
                raw_id: chance::below(1 << 31),
            }),
        })
    }

    /// The digits, without a plus.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// The user part of the hidden address.
    pub(crate) fn lid(&self) -> &str {
        &self.lid
    }

    /// The phone's address, without a device.
    pub(crate) fn jid(&self, addressing: Addressing) -> Jid {
        match addressing {
            Addressing::PhoneNumber => Jid::pn(self.number.as_str()),
            Addressing::Lid => Jid::lid(self.lid.as_str()),
        }
    }

    /// The push name.
    pub(crate) fn name(&self) -> String {
        locked(&self.state).name.clone()
    }

    /// Sets the push name.
    pub(crate) fn rename(&self, name: &str) {
        name.clone_into(&mut locked(&self.state).name);
    }

    /// Whether the number is on WhatsApp.
    pub(crate) fn is_on_whatsapp(&self) -> bool {
        locked(&self.state).on_whatsapp
    }

    /// Puts the number on WhatsApp, or takes it off.
    pub(crate) fn set_on_whatsapp(&self, on_whatsapp: bool) {
        locked(&self.state).on_whatsapp = on_whatsapp;
    }

    /// The number of this phone's list of devices, which its signatures carry.
    pub(crate) fn raw_id(&self) -> u32 {
        locked(&self.state).raw_id
    }

    /// Reserves the id of the next linked device; ids are not used twice.
    pub(crate) fn next_device_id(&self) -> u16 {
        let mut state = locked(&self.state);
        state.last_device += 1;
        state.last_device
    }

    /// Links a device.
    pub(crate) fn link(&self, device: Arc<LinkedDevice>) {
        locked(&self.state).devices.insert(device.id(), device);
    }

    /// Removes a linked device.
    pub(crate) fn unlink(&self, id: u16) -> Option<Arc<LinkedDevice>> {
        locked(&self.state).devices.remove(&id)
    }

    /// A linked device.
    pub(crate) fn device(&self, id: u16) -> Option<Arc<LinkedDevice>> {
        locked(&self.state).devices.get(&id).cloned()
    }

    /// All linked devices.
    pub(crate) fn devices(&self) -> Vec<Arc<LinkedDevice>> {
        locked(&self.state).devices.values().cloned().collect()
    }

    /// Enters a decrypted message, or one more copy of it.
    pub(crate) fn enter(&self, id: &str, from: &str, text: Option<String>) {
        locked(&self.state).book.enter(id, from, text);
    }

    /// Counts one more copy of a message that was entered before; false when it was not.
    pub(crate) fn count_copy(&self, id: &str, from: &str) -> bool {
        locked(&self.state).book.count_copy(id, from)
    }

    /// What was received, in order.
    pub(crate) fn received(&self) -> Vec<ReceivedMessage> {
        locked(&self.state).book.received()
    }

    /// Notes what the owner wrote.
    pub(crate) fn note(&self, row: WrittenMessage, draft: Draft) {
        locked(&self.state).book.note(row, draft);
    }

    /// What was written under an id, to seal it again.
    pub(crate) fn draft(&self, id: &str) -> Option<Draft> {
        locked(&self.state).book.draft(id)
    }

    /// Marks what was written as delivered, or as read.
    pub(crate) fn mark(&self, id: &str, read: bool) {
        locked(&self.state).book.mark(id, read);
    }

    /// What was written, in order.
    pub(crate) fn written(&self) -> Vec<WrittenMessage> {
        locked(&self.state).book.written()
    }

    /// Counts how often the phone asked for a message again.
    pub(crate) fn complain(&self, id: &str) -> u32 {
        let mut state = locked(&self.state);
        let count = state.complaints.entry(id.to_owned()).or_default();
        *count += 1;
        *count
    }
}

/// Whether these are the digits of a phone number: 7 to 15 of them.
pub(crate) fn is_number(digits: &str) -> bool {
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Every number hides behind the same other number, in each run of the network.
fn lid_of(number: &str) -> String {
    let digest = Sha256::digest(number.as_bytes());
    let tail = digest.iter().take(7).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    (100_000_000_000_000 + tail % 100_000_000_000_000).to_string()
}

/// Which kind of address this is, if it is one of a person.
pub(crate) fn addressing_of(jid: &Jid) -> Option<Addressing> {
    match jid.server {
        Server::Pn => Some(Addressing::PhoneNumber),
        Server::Lid => Some(Addressing::Lid),
        _ => None,
    }
}
