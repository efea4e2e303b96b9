//! What people do that nobody keeps: they type, they have WhatsApp open. A client that is not connected misses it.

use serde::Deserialize;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use crate::delivery::LetterError;
use crate::phone::{self, Addressing};
use crate::world::World;

/// A customer begins to write to an account, or stops: the body of `POST /typing`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typing {
    /// The customer's number.
    pub(crate) from: String,
    /// The account's number.
    pub(crate) to: String,
    state: State,
    /// Whether the stanza names the customer by the hidden number.
    #[serde(default)]
    pub(crate) lid: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Typing,
    Recording,
    Paused,
}

impl Typing {
    pub(crate) fn stanza(&self, from: Jid) -> Node {
        let state = match self.state {
            State::Typing => NodeBuilder::new("composing"),
            State::Recording => NodeBuilder::new("composing").attr("media", "audio"),
            State::Paused => NodeBuilder::new("paused"),
        };
        NodeBuilder::new("chatstate").attr("from", from).children([state.build()]).build()
    }
}

/// A customer opens WhatsApp, or closes it: the body of `POST /presence`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Presence {
    /// The customer's number.
    pub(crate) from: String,
    /// The account's number.
    pub(crate) to: String,
    online: bool,
    /// When the customer was seen last, in seconds since 1970; not told, if left out.
    last_seen: Option<i64>,
    /// Whether the stanza names the customer by the hidden number.
    #[serde(default)]
    pub(crate) lid: bool,
}

impl Presence {
    pub(crate) fn stanza(&self, from: Jid) -> Node {
        let mut presence = NodeBuilder::new("presence").attr("from", from);
        if !self.online {
            presence = presence.attr("type", "unavailable");
            if let Some(last_seen) = self.last_seen {
                presence = presence.attr("last", last_seen.to_string());
            }
        }
        presence.build()
    }
}

/// Shows the account's devices that are there what a customer does; says how many those are.
pub(crate) fn show(
    world: &World,
    from: &str,
    to: &str,
    stanza: impl Fn(Jid) -> Node,
    lid: bool,
) -> Result<usize, LetterError> {
    if ![from, to].into_iter().all(phone::is_number) {
        return Err(LetterError::NotANumber);
    }
    let (customer, account) = (world.phone(from)?, world.phone(to)?);
    let devices = account.devices();
    if devices.is_empty() {
        return Err(LetterError::NothingLinked(to.to_owned()));
    }
    let addressing = if lid { Addressing::Lid } else { Addressing::PhoneNumber };
    let shown = devices.iter().filter(|device| device.show(stanza(customer.jid(addressing))));
    Ok(shown.count())
}
