//! Questions and requests of a client, and the plain answers; the longer ones are in `keys` and `usync`.

use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::Session;
use crate::error::PhoneError;
use crate::wire::stanza;

/// The answer to a client that is not linked yet.
pub(super) fn before_login(iq: &Node) -> Node {
    match stanza::attr(iq, "xmlns").as_deref() {
        Some("w:p" | "urn:xmpp:ping") => stanza::result(iq, Vec::new()),
        _ => stanza::refusal(iq, 501, "feature-not-implemented"),
    }
}

impl Session {
    /// Answers an IQ of a linked device.
    pub(super) async fn take_iq(&self, iq: &Node) -> Result<(), PhoneError> {
        let kind = stanza::attr(iq, "type").unwrap_or_default();
        if kind != "get" && kind != "set" {
            return Ok(());
        }
        let namespace = stanza::attr(iq, "xmlns").unwrap_or_default();
        let answer = match (namespace.as_str(), kind.as_str()) {
            ("encrypt", _) => self.answer_keys(iq).await?,
            ("usync", _) => self.answer_usync(iq).await?,
            ("passive", _) => return self.answer_passive(iq),
            ("md", "set") => return self.answer_companion(iq),
            ("w:sync:app:state", _) => stanza::result(iq, vec![settings(iq)]),
            ("w" | "abt", "get") => stanza::result(iq, vec![properties(iq)]),
            ("blocklist", "get") => stanza::result(iq, vec![NodeBuilder::new("list").build()]),
            ("privacy", "get") => stanza::result(iq, vec![NodeBuilder::new("privacy").build()]),
            ("w:g2", "get") => stanza::result(iq, vec![NodeBuilder::new("groups").build()]),
            ("w:profile:picture", "get") => stanza::refusal(iq, 404, "item-not-found"),
            ("w:biz", "get") => stanza::result(iq, vec![NodeBuilder::new("business_profile").build()]),
            ("w:p" | "urn:xmpp:ping", _) | (_, "set") => stanza::result(iq, Vec::new()),
            _ => {
                tracing::debug!(stanza = %stanza::Outline(iq), "not simulated");
                stanza::refusal(iq, 501, "feature-not-implemented")
            }
        };
        self.outbox.send(answer);
        Ok(())
    }

    /// `active` asks for what has come in the meantime.
    fn answer_passive(&self, iq: &Node) -> Result<(), PhoneError> {
        self.outbox.send(stanza::result(iq, Vec::new()));
        if iq.get_optional_child("active").is_some() {
            self.device.activate(self.connection);
        }
        Ok(())
    }

    /// The client logs itself out.
    fn answer_companion(&self, iq: &Node) -> Result<(), PhoneError> {
        self.outbox.send(stanza::result(iq, Vec::new()));
        if iq.get_optional_child("remove-companion-device").is_some() {
            let account = self.world.phone(self.device.number())?;
            account.unlink(self.device.id());
            self.device.expel(false);
        }
        Ok(())
    }
}

/// The account's settings: every collection is as the client has it.
fn settings(iq: &Node) -> Node {
    let asked = iq.get_optional_child("sync").map(stanza::children).unwrap_or_default();
    let collections = asked.iter().map(|collection| {
        let version: u64 =
            stanza::attr(collection, "version").and_then(|version| version.parse().ok()).unwrap_or_default();
        // A patch that the client pushes is accepted, and so makes the next version.
        let pushed = u64::from(collection.get_optional_child("patch").is_some());
        NodeBuilder::new("collection")
            .attr("name", stanza::attr(collection, "name").unwrap_or_default())
            .attr("version", (version + pushed).to_string())
            .build()
    });
    NodeBuilder::new("sync").children(collections).build()
}

fn properties(iq: &Node) -> Node {
    let asked = iq.get_optional_child("props");
    let protocol = asked.and_then(|props| stanza::attr(props, "protocol"));
    NodeBuilder::new("props")
        .attr("protocol", protocol.unwrap_or_else(|| "1".into()))
        .attr("hash", "simulated")
        .attr("refresh", "86400")
        .build()
}
