//! IQs about Signal keys: a client uploads its own and fetches those of others.

use std::collections::BTreeMap;

use wacore::prekeys::compute_key_bundle_digest;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

use super::Session;
use crate::error::PhoneError;
use crate::locked;
use crate::phone::bundle::{SignedKeyPublic, id_node, key, read_one_time};
use crate::wire::stanza;

impl Session {
    /// Answers an IQ of the namespace `encrypt`.
    pub(super) async fn answer_keys(&self, iq: &Node) -> Result<Node, PhoneError> {
        if let Some(asked) = iq.get_optional_child("key") {
            return Ok(stanza::result(iq, vec![self.fetch(asked).await]));
        }
        if iq.get_optional_child("count").is_some() {
            let count = locked(&self.device.keys).one_time.len();
            let count = NodeBuilder::new("count").attr("value", count.to_string()).build();
            return Ok(stanza::result(iq, vec![count]));
        }
        if iq.get_optional_child("digest").is_some() {
            return Ok(stanza::result(iq, vec![self.digest()]));
        }
        if let Some(signed) = iq.get_optional_child_by_tag(&["rotate", "skey"]) {
            locked(&self.device.keys).signed = SignedKeyPublic::read(signed)?;
            return Ok(stanza::result(iq, Vec::new()));
        }
        if iq.get_optional_child("list").is_some() {
            self.upload(iq)?;
            return Ok(stanza::result(iq, Vec::new()));
        }
        Ok(stanza::refusal(iq, 400, "bad-request"))
    }

    /// The keys of each device that was asked for; a device that there is not answers 404.
    async fn fetch(&self, asked: &Node) -> Node {
        let mut users = Vec::new();
        for user in asked.get_children_by_tag("user") {
            if let Some(jid) = stanza::jid(user, "jid") {
                users.push(self.fetch_one(jid).await);
            }
        }
        NodeBuilder::new("list").children(users).build()
    }

    async fn fetch_one(&self, jid: Jid) -> Node {
        let phone = self.world.phone_at(&jid).filter(|p| p.is_on_whatsapp());
        let bundle = match phone {
            Some(phone) if jid.device == 0 => Some(phone.keys.lock().await.publish()),
            Some(phone) => phone.device(jid.device).map(|device| device.publish()),
            None => None,
        };
        match bundle {
            Some(bundle) => bundle.to_user(jid),
            None => NodeBuilder::new("user")
                .attr("jid", jid)
                .children([NodeBuilder::new("error")
                    .attr("code", "404")
                    .attr("text", "item-not-found")
                    .build()])
                .build(),
        }
    }

    fn upload(&self, iq: &Node) -> Result<(), PhoneError> {
        let signed = iq.get_optional_child("skey").ok_or(PhoneError::IncompleteKeys("signed pre-key"))?;
        let one_time = iq
            .get_optional_child("list")
            .map(stanza::children)
            .unwrap_or_default()
            .iter()
            .map(read_one_time)
            .collect::<Result<BTreeMap<_, _>, _>>()?;
        let mut keys = locked(&self.device.keys);
        keys.registration_id = stanza::number(stanza::child_bytes(iq, "registration"));
        keys.identity = key(stanza::child_bytes(iq, "identity"), "identity")?;
        keys.signed = SignedKeyPublic::read(signed)?;
        keys.one_time.extend(one_time);
        Ok(())
    }

    /// What the server holds for the client, with a hash by which it sees whether it is the same.
    fn digest(&self) -> Node {
        let keys = locked(&self.device.keys);
        let one_time: Vec<_> = keys.one_time.values().map(|key| key.as_slice()).collect();
        let hash =
            compute_key_bundle_digest(&keys.identity, &keys.signed.value, &keys.signed.signature, &one_time);
        NodeBuilder::new("digest")
            .children([
                NodeBuilder::new("registration").bytes(keys.registration_id.to_be_bytes()).build(),
                NodeBuilder::new("type").bytes([5]).build(),
                NodeBuilder::new("identity").bytes(keys.identity).build(),
                keys.signed.to_node(),
                NodeBuilder::new("list").children(keys.one_time.keys().map(|id| id_node(*id))).build(),
                NodeBuilder::new("hash").bytes(hash).build(),
            ])
            .build()
    }
}
