//! IQs about people: who is on WhatsApp, under which hidden number, with which devices.

use std::sync::Arc;

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::Session;
use crate::clock;
use crate::error::PhoneError;
use crate::phone::{Addressing, Phone, addressing_of, identity};
use crate::wire::stanza;

impl Session {
    /// Answers an IQ of the namespace `usync`.
    pub(super) async fn answer_usync(&self, iq: &Node) -> Result<Node, PhoneError> {
        let Some(usync) = iq.get_optional_child("usync") else {
            return Ok(stanza::refusal(iq, 400, "bad-request"));
        };
        let asked: Vec<&str> = usync
            .get_optional_child("query")
            .map(stanza::children)
            .unwrap_or_default()
            .iter()
            .map(|protocol| protocol.tag.as_ref())
            .collect();
        let people = usync.get_optional_child("list").map(stanza::children).unwrap_or_default();
        let mut users = Vec::new();
        for person in people {
            users.extend(self.describe(person, &asked).await?);
        }
        let mut answer = NodeBuilder::new("usync")
            .children([NodeBuilder::new("result").build(), NodeBuilder::new("list").children(users).build()]);
        for key in ["sid", "mode", "context", "index", "last"] {
            if let Some(value) = stanza::attr(usync, key) {
                answer = answer.attr(key, value);
            }
        }
        Ok(stanza::result(iq, vec![answer.build()]))
    }

    async fn describe(&self, person: &Node, asked: &[&str]) -> Result<Option<Node>, PhoneError> {
        let written = person
            .get_optional_child("contact")
            .map(|contact| String::from_utf8_lossy(stanza::bytes(contact)).into_owned())
            .filter(|contact| !contact.is_empty());
        let jid = match &written {
            Some(number) => Some(Jid::pn(number.trim_start_matches('+'))),
            None => stanza::jid(person, "jid"),
        };
        let Some(jid) = jid else {
            return Ok(None);
        };
        let phone = self.world.phone_at(&jid).filter(|p| p.is_on_whatsapp());
        let Some(phone) = phone else {
            // Nobody is there: only the question for a contact has an answer.
            let out = asked.contains(&"contact").then(|| contact("out", written));
            let user = NodeBuilder::new("user").attr("jid", jid.to_non_ad());
            return Ok(out.map(|out| user.children([out]).build()));
        };
        let mut children = Vec::new();
        for protocol in asked {
            match *protocol {
                "contact" => children.push(contact("in", written.clone())),
                "lid" => {
                    children.push(NodeBuilder::new("lid").attr("val", phone.jid(Addressing::Lid)).build())
                }
                "devices" => children.push(devices(&phone).await?),
                "status" => children.push(NodeBuilder::new("status").build()),
                _ => {}
            }
        }
        let mut user = NodeBuilder::new("user").attr("jid", jid.to_non_ad());
        if addressing_of(&jid) == Some(Addressing::Lid) {
            user = user.attr("pn_jid", phone.jid(Addressing::PhoneNumber));
        }
        Ok(Some(user.children(children).build()))
    }
}

fn contact(kind: &'static str, written: Option<String>) -> Node {
    let builder = NodeBuilder::new("contact").attr("type", kind);
    match written {
        Some(number) => builder.bytes(number.into_bytes()).build(),
        None => builder.build(),
    }
}

/// The phone itself and its linked devices, with the signed list of valid links.
async fn devices(phone: &Arc<Phone>) -> Result<Node, PhoneError> {
    let linked = phone.devices();
    let primary = NodeBuilder::new("device").attr("id", "0").build();
    let companions = linked.iter().map(|device| {
        NodeBuilder::new("device")
            .attr("id", device.id().to_string())
            .attr("key-index", device.id().to_string())
            .build()
    });
    let mut children =
        vec![NodeBuilder::new("device-list").children(std::iter::once(primary).chain(companions)).build()];
    if !linked.is_empty() {
        let valid = linked.iter().map(|d| u32::from(d.id())).collect();
        let keys = phone.keys.lock().await;
        let list = identity::key_index_list(keys.identity(), phone.raw_id(), valid)?;
        children.push(
            NodeBuilder::new("key-index-list").attr("ts", clock::seconds().to_string()).bytes(list).build(),
        );
    }
    Ok(NodeBuilder::new("devices").children(children).build())
}
