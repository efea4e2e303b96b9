//! The way without a camera: the client shows eight characters, and the owner types them into the phone.
//!
//! Client and phone each make an ephemeral key and send its public half to the other, encrypted under the
//! characters. From both ephemeral keys, both identity keys and 32 bytes that the client adds comes the
//! secret that a QR code would have carried. A mistyped character makes keys that do not agree, which shows
//! when the phone opens the client's key bundle.

use std::sync::Mutex;

use tokio::sync::oneshot;
use wacore::crypto::hkdf_sha256_into;
use wacore::pair_code::PairCodeUtils;
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;
use wacore_libsignal::crypto::aes_256_gcm_decrypt;
use wacore_libsignal::protocol::{IdentityKeyPair, KeyPair, PublicKey};

use super::ScanError;
use crate::error::PhoneError;
use crate::wire::certificate::public;
use crate::wire::secure::Outbox;
use crate::wire::stanza;
use crate::{chance, locked};

const BUNDLE_KEY: &[u8] = b"link_code_pairing_key_bundle_encryption_key";
const SECRET: &[u8] = b"adv_secret";
const SALT: usize = 32;
const NONCE: usize = 12;

/// What a client told the server about the code that it shows.
#[derive(Default)]
pub(super) struct LinkCode(Mutex<Option<Request>>);

struct Request {
    number: String,
    reference: Vec<u8>,
    wrapped_ephemeral: Vec<u8>,
    finish: Option<oneshot::Sender<Finish>>,
}

/// The client's last word.
struct Finish {
    bundle: Vec<u8>,
    identity: Vec<u8>,
}

impl LinkCode {
    /// Answers a request of the waiting client, if it is about link codes.
    pub(super) fn take(&self, iq: &Node) -> Option<Node> {
        let body = iq.get_optional_child("link_code_companion_reg")?;
        match stanza::attr(body, "stage").as_deref() {
            Some("companion_hello") => self.hello(iq, body),
            Some("companion_finish") => {
                let finish = locked(&self.0).as_mut().and_then(|request| request.finish.take());
                let sent = finish.map(|phone| {
                    phone.send(Finish {
                        bundle: stanza::child_bytes(body, "link_code_pairing_wrapped_key_bundle").to_vec(),
                        identity: stanza::child_bytes(body, "companion_identity_public").to_vec(),
                    })
                });
                Some(match sent {
                    Some(Ok(())) => stanza::result(iq, Vec::new()),
                    _ => stanza::refusal(iq, 404, "item-not-found"),
                })
            }
            _ => None,
        }
    }

    fn hello(&self, iq: &Node, body: &Node) -> Option<Node> {
        let reference = chance::pairing_reference().into_bytes();
        *locked(&self.0) = Some(Request {
            number: stanza::jid(body, "jid")?.user.to_string(),
            reference: reference.clone(),
            wrapped_ephemeral: stanza::child_bytes(body, "link_code_pairing_wrapped_companion_ephemeral_pub")
                .to_vec(),
            finish: None,
        });
        let answer = NodeBuilder::new("link_code_companion_reg")
            .attr("stage", "companion_hello")
            .children([NodeBuilder::new("link_code_pairing_ref").bytes(reference).build()])
            .build();
        Some(stanza::result(iq, vec![answer]))
    }

    /// Whether the code is for this number.
    pub(super) fn is_for(&self, number: &str) -> bool {
        locked(&self.0).as_ref().is_some_and(|request| request.number == number)
    }

    /// The owner types the code; returns the secret that both sides now share.
    pub(super) async fn enter(
        &self,
        code: &str,
        account: &IdentityKeyPair,
        client: &[u8; 32],
        outbox: &Outbox,
    ) -> Result<[u8; 32], ScanError> {
        let (sender, finish) = oneshot::channel();
        let (reference, wrapped) = {
            let mut request = locked(&self.0);
            let request = request.as_mut().ok_or(ScanError::Unknown)?;
            request.finish = Some(sender);
            (request.reference.clone(), request.wrapped_ephemeral.clone())
        };
        let ours = KeyPair::generate(&mut chance::generator());
        let (theirs, wrapped_ours) = exchange(code, wrapped, public(&ours)).await?;
        outbox.send(hello_of_phone(&reference, &wrapped_ours, account));
        let finish = tokio::time::timeout(super::CLIENT_ANSWERS_WITHIN, finish)
            .await
            .map_err(|_| ScanError::ClientGone)?
            .map_err(|_| ScanError::ClientGone)?;
        if finish.identity != client {
            return Err(ScanError::OtherKeys);
        }
        secret(&finish.bundle, &ours, &theirs, account, client)
    }
}

/// Opens the client's ephemeral key and wraps ours. The characters are stretched for long, so not here.
async fn exchange(code: &str, wrapped: Vec<u8>, ours: [u8; 32]) -> Result<([u8; 32], [u8; 80]), ScanError> {
    let code = code.to_owned();
    let stretched = tokio::task::spawn_blocking(move || {
        let theirs = PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, &code).ok()?;
        Some((theirs, PairCodeUtils::encrypt_ephemeral_pub(&ours, &code)))
    });
    stretched.await.ok().flatten().ok_or(ScanError::Malformed("the client's key has the wrong size"))
}

fn hello_of_phone(reference: &[u8], wrapped: &[u8; 80], account: &IdentityKeyPair) -> Node {
    NodeBuilder::new("notification")
        .attr("from", stanza::server())
        .attr("id", chance::stanza_id())
        .attr("type", "link_code_companion_reg")
        .attr("t", crate::clock::seconds().to_string())
        .children([NodeBuilder::new("link_code_companion_reg")
            .attr("stage", "primary_hello")
            .children([
                NodeBuilder::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(*wrapped).build(),
                NodeBuilder::new("primary_identity_pub")
                    .bytes(account.public_key().public_key_bytes())
                    .build(),
                NodeBuilder::new("link_code_pairing_ref").bytes(reference).build(),
            ])
            .build()])
        .build()
}

/// Opens the client's bundle (its identity, ours, 32 random bytes) and derives the secret.
fn secret(
    bundle: &[u8],
    ours: &KeyPair,
    theirs: &[u8; 32],
    account: &IdentityKeyPair,
    client: &[u8; 32],
) -> Result<[u8; 32], ScanError> {
    let curve = |error: wacore_libsignal::protocol::CurveError| ScanError::Phone(PhoneError::from(error));
    let ephemeral = PublicKey::from_djb_public_key_bytes(theirs).map_err(curve)?;
    let ephemeral = ours.calculate_agreement(&ephemeral).map_err(curve)?;
    let identity = PublicKey::from_djb_public_key_bytes(client).map_err(curve)?;
    let identity = account.private_key().calculate_agreement(&identity).map_err(curve)?;

    let (salt, rest) = bundle.split_at_checked(SALT).ok_or(ScanError::WrongCode)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(ScanError::WrongCode)?;
    let key = derive(&ephemeral, Some(salt), BUNDLE_KEY)?;
    let mut opened = Vec::new();
    aes_256_gcm_decrypt(&key, nonce, b"", sealed, &mut opened).map_err(|_| ScanError::WrongCode)?;
    let random = opened.get(64..96).ok_or(ScanError::WrongCode)?;
    derive(&[ephemeral.as_slice(), &identity, random].concat(), None, SECRET)
}

fn derive(material: &[u8], salt: Option<&[u8]>, purpose: &[u8]) -> Result<[u8; 32], ScanError> {
    let mut key = [0; 32];
    hkdf_sha256_into(material, salt, purpose, &mut key).map_err(|_| ScanError::WrongCode)?;
    Ok(key)
}
