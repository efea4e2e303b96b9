//! Public keys, as the server gives them to whoever wants to write to a device.

use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use wacore_libsignal::protocol::{DeviceId, IdentityKey, PreKeyBundle, PublicKey};

use crate::clock;
use crate::error::PhoneError;
use crate::wire::stanza;

/// The one byte by which a key says that it is of curve 25519.
const KEY_TYPE: [u8; 1] = [5];

/// A signed pre-key.
#[derive(Debug, Clone)]
pub(crate) struct SignedKeyPublic {
    pub(crate) id: u32,
    pub(crate) value: [u8; 32],
    pub(crate) signature: Vec<u8>,
}

impl SignedKeyPublic {
    /// Reads `<skey><id/><value/><signature/></skey>`.
    pub(crate) fn read(node: &Node) -> Result<Self, PhoneError> {
        Ok(Self {
            id: stanza::number(stanza::child_bytes(node, "id")),
            value: key(stanza::child_bytes(node, "value"), "signed pre-key")?,
            signature: stanza::child_bytes(node, "signature").to_vec(),
        })
    }

    pub(crate) fn to_node(&self) -> Node {
        NodeBuilder::new("skey")
            .children([
                id_node(self.id),
                value_node(&self.value),
                NodeBuilder::new("signature").bytes(self.signature.clone()).build(),
            ])
            .build()
    }
}

/// The keys with which a session can be begun.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedKeyPublic,
    pub(crate) one_time: Option<(u32, [u8; 32])>,
    /// For a linked device: the account's signature over its identity.
    pub(crate) proof: Option<Vec<u8>>,
}

impl Bundle {
    /// Reads the keys that a retry receipt carries.
    pub(crate) fn read(registration_id: u32, keys: &Node) -> Result<Self, PhoneError> {
        let signed = keys.get_optional_child("skey").ok_or(PhoneError::IncompleteKeys("signed pre-key"))?;
        Ok(Self {
            registration_id,
            identity: key(stanza::child_bytes(keys, "identity"), "identity")?,
            signed: SignedKeyPublic::read(signed)?,
            one_time: keys.get_optional_child("key").map(read_one_time).transpose()?,
            proof: None,
        })
    }

    /// The bundle as libsignal wants it.
    pub(crate) fn to_signal(&self, device: DeviceId) -> Result<PreKeyBundle, PhoneError> {
        let one_time = match &self.one_time {
            Some((id, value)) => Some(((*id).into(), PublicKey::from_djb_public_key_bytes(value)?)),
            None => None,
        };
        Ok(PreKeyBundle::new(
            self.registration_id,
            device,
            one_time,
            self.signed.id.into(),
            PublicKey::from_djb_public_key_bytes(&self.signed.value)?,
            self.signed.signature.clone(),
            IdentityKey::new(PublicKey::from_djb_public_key_bytes(&self.identity)?),
        )?)
    }

    /// The bundle as an answer to `<key><user jid/></key>`.
    pub(crate) fn to_user(&self, jid: Jid) -> Node {
        let mut children =
            vec![NodeBuilder::new("registration").bytes(self.registration_id.to_be_bytes()).build()];
        children.extend(self.key_nodes());
        NodeBuilder::new("user")
            .attr("jid", jid)
            .attr("t", clock::seconds().to_string())
            .children(children)
            .build()
    }

    /// The bundle inside a retry receipt.
    pub(crate) fn to_keys(&self) -> Node {
        NodeBuilder::new("keys").children(self.key_nodes()).build()
    }

    fn key_nodes(&self) -> Vec<Node> {
        let mut children = vec![
            NodeBuilder::new("type").bytes(KEY_TYPE).build(),
            NodeBuilder::new("identity").bytes(self.identity).build(),
            self.signed.to_node(),
        ];
        if let Some((id, value)) = &self.one_time {
            children.push(NodeBuilder::new("key").children([id_node(*id), value_node(value)]).build());
        }
        if let Some(proof) = &self.proof {
            children.push(NodeBuilder::new("device-identity").bytes(proof.clone()).build());
        }
        children
    }
}

/// Reads `<key><id/><value/></key>`.
pub(crate) fn read_one_time(node: &Node) -> Result<(u32, [u8; 32]), PhoneError> {
    Ok((
        stanza::number(stanza::child_bytes(node, "id")),
        key(stanza::child_bytes(node, "value"), "one-time pre-key")?,
    ))
}

/// The 32 bytes of a public key.
pub(crate) fn key(raw: &[u8], what: &'static str) -> Result<[u8; 32], PhoneError> {
    raw.try_into().map_err(|_| PhoneError::IncompleteKeys(what))
}

/// Ids of pre-keys have three bytes.
pub(crate) fn id_node(id: u32) -> Node {
    let [_, a, b, c] = id.to_be_bytes();
    NodeBuilder::new("id").bytes([a, b, c]).build()
}

fn value_node(value: &[u8; 32]) -> Node {
    NodeBuilder::new("value").bytes(*value).build()
}
