//! The clients that show a QR code and wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::ScanError;
use super::link_code::LinkCode;
use crate::device::DeviceKeys;
use crate::wire::secure::Outbox;
use crate::wire::stanza;
use crate::{chance, locked};

/// How many references a waiting client gets.
const REFERENCES: usize = 6;
const FIRST_LIFETIME: Duration = Duration::from_secs(60);
const LIFETIME: Duration = Duration::from_secs(20);
/// A scan is on its way while the client already shows the next code.
const GRACE: Duration = Duration::from_secs(2);

/// A client that waits to be linked.
pub(crate) struct Waiting {
    pub(super) noise: [u8; 32],
    pub(super) identity: [u8; 32],
    pub(super) outbox: Outbox,
    references: Vec<String>,
    shown_since: Instant,
    stage: Mutex<Stage>,
    pub(super) link_code: LinkCode,
}

enum Stage {
    /// The QR code is on the screen.
    Shown(Box<DeviceKeys>),
    /// The phone has signed; the client's answer to this IQ is awaited.
    Signed {
        iq: String,
        answer: oneshot::Sender<Node>,
    },
    Done,
}

/// All clients that wait, by each of their references.
#[derive(Default)]
pub(crate) struct WaitingRoom(Mutex<HashMap<String, Arc<Waiting>>>);

impl WaitingRoom {
    /// Lets a client in and tells it its references.
    pub(crate) fn enter(&self, noise: [u8; 32], keys: DeviceKeys, outbox: Outbox) -> Arc<Waiting> {
        let references: Vec<_> = (0..REFERENCES).map(|_| chance::pairing_reference()).collect();
        outbox.send(
            NodeBuilder::new("iq")
                .attr("from", stanza::server())
                .attr("type", "set")
                .attr("id", chance::stanza_id())
                .attr("xmlns", "md")
                .children([NodeBuilder::new("pair-device")
                    .children(
                        references
                            .iter()
                            .map(|reference| NodeBuilder::new("ref").bytes(reference.as_bytes()).build()),
                    )
                    .build()])
                .build(),
        );
        let waiting = Arc::new(Waiting {
            noise,
            identity: keys.identity,
            outbox,
            references,
            shown_since: Instant::now(),
            stage: Mutex::new(Stage::Shown(Box::new(keys))),
            link_code: LinkCode::default(),
        });
        let mut room = locked(&self.0);
        for reference in &waiting.references {
            room.insert(reference.clone(), Arc::clone(&waiting));
        }
        waiting
    }

    /// Forgets a client that left.
    pub(crate) fn leave(&self, waiting: &Waiting) {
        let mut room = locked(&self.0);
        for reference in &waiting.references {
            room.remove(reference);
        }
        // Whoever waits for the client's answer learns that it is gone.
        *locked(&waiting.stage) = Stage::Done;
    }

    pub(super) fn find(&self, reference: &str) -> Option<Arc<Waiting>> {
        locked(&self.0).get(reference).cloned()
    }

    /// A client that shows a link code for this number.
    pub(super) fn find_by_number(&self, number: &str) -> Option<Arc<Waiting>> {
        locked(&self.0).values().find(|waiting| waiting.link_code.is_for(number)).cloned()
    }
}

impl Waiting {
    /// Answers a request of the waiting client, if it is about link codes.
    pub(crate) fn take_request(&self, iq: &Node) -> Option<Node> {
        self.link_code.take(iq)
    }

    /// Takes an IQ of the waiting client; the answer to the signed link is passed on to the phone.
    pub(crate) fn answer(&self, iq: Node) {
        let mut stage = locked(&self.stage);
        match std::mem::replace(&mut *stage, Stage::Done) {
            Stage::Signed { iq: id, answer } if stanza::attr(&iq, "id").as_deref() == Some(id.as_str()) => {
                if answer.send(iq).is_err() {
                    tracing::debug!("the phone no longer waits for the client");
                }
            }
            before => *stage = before,
        }
    }

    pub(super) fn has_expired(&self, reference: &str) -> bool {
        let position = self.references.iter().position(|own| own == reference);
        let later = u32::try_from(position.unwrap_or_default()).unwrap_or_default();
        self.shown_since.elapsed() > FIRST_LIFETIME + LIFETIME * later + GRACE
    }

    pub(super) fn take_keys(&self, iq: &str, answer: oneshot::Sender<Node>) -> Result<DeviceKeys, ScanError> {
        let mut stage = locked(&self.stage);
        let signed = Stage::Signed { iq: iq.to_owned(), answer };
        match std::mem::replace(&mut *stage, signed) {
            Stage::Shown(keys) => Ok(*keys),
            before => {
                *stage = before;
                Err(ScanError::AlreadyScanned)
            }
        }
    }
}
