//! The certificate chain under which the server shows its static key.
//!
//! WhatsApp's root is a constant in every client; ours is made at start, so a client must either skip the
//! check (`danger-skip-cert-chain-verify`) or have its constant overwritten with `GET /root`. The chain
//! itself is complete and correctly signed: a client that knows the root verifies it.

use wacore_libsignal::protocol::KeyPair;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::CertChain;
use waproto::whatsapp::cert_chain::{NoiseCertificate, noise_certificate::Details};

use crate::chance;
use crate::clock;
use crate::error::PhoneError;

const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;
const DAY: u64 = 24 * 60 * 60;

/// The server's keys and the chain that vouches for them.
pub(crate) struct Certificates {
    root: [u8; 32],
    server: KeyPair,
    chain: Vec<u8>,
}

impl Certificates {
    /// Makes a root, an intermediate and a static key for the server, each signing the next.
    pub(crate) fn generate() -> Result<Self, PhoneError> {
        let mut random = chance::generator();
        let root = KeyPair::generate(&mut random);
        let intermediate = KeyPair::generate(&mut random);
        let server = KeyPair::generate(&mut random);
        let chain = CertChain {
            intermediate: MessageField::some(certify(
                &root,
                ROOT_SERIAL,
                &intermediate,
                INTERMEDIATE_SERIAL,
            )?),
            leaf: MessageField::some(certify(&intermediate, INTERMEDIATE_SERIAL, &server, LEAF_SERIAL)?),
        };
        Ok(Self { root: public(&root), server, chain: chain.encode_to_vec() })
    }

    /// The public key that a client must trust.
    pub(crate) fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// The server's static private key, as Noise wants it.
    pub(crate) fn private_key(&self) -> &[u8; 32] {
        self.server.private_key.serialize()
    }

    /// The server's static public key.
    pub(crate) fn public_key(&self) -> [u8; 32] {
        public(&self.server)
    }

    /// The encoded chain, the payload of the server's hello.
    pub(crate) fn chain(&self) -> &[u8] {
        &self.chain
    }
}

fn certify(
    issuer: &KeyPair,
    issuer_serial: u32,
    subject: &KeyPair,
    serial: u32,
) -> Result<NoiseCertificate, PhoneError> {
    let now = clock::seconds();
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(public(subject).to_vec()),
        not_before: Some(now - DAY),
        not_after: Some(now + 365 * DAY),
    }
    .encode_to_vec();
    let signature = issuer.private_key.calculate_signature(&details, &mut chance::generator())?;
    Ok(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) })
}

/// The 32 raw bytes of a public key.
pub(crate) fn public(keys: &KeyPair) -> [u8; 32] {
    let mut raw = [0; 32];
    raw.copy_from_slice(keys.public_key.public_key_bytes());
    raw
}
