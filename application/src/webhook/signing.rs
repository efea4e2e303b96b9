//! Signatures after Standard Webhooks 1.0.
//!
//! What is signed is `{id}.{timestamp}.{body}`, over the very bytes that are sent; `webhook-signature` lists one
//! signature for every secret that is in force, so that a receiver may hold the old or the new one during a rotation.
//!
//! - HMAC-SHA256: `whsec_` and 24 to 64 random bytes in base64; the signature is `v1,` and its base64.
//! - Ed25519: the private key is `whsk_` and 64 bytes in base64, the seed and the public key after it, as NaCl and the
//!   reference libraries have it; the receiver is given the public key, `whpk_` and its 32 bytes; the signature is
//!   `v1a,` and its base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use interflow_domain::webhook::{Secret, Signing};
use interflow_domain::{DeliveryId, InvalidValue};
use rand::Rng as _;
use sha2::Sha256;

/// The header that holds the delivery's id, the same in every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// The header that holds the time of the attempt, in whole seconds of the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header that holds the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How many random bytes a new HMAC secret has.
const HMAC_BYTES: usize = 32;
/// A private Ed25519 key as it is written: seed and public key.
const ED25519_BYTES: usize = 64;

/// Draws a new secret.
pub fn new_secret(signing: Signing) -> Result<Secret, InvalidValue> {
    secret_from(signing, rand::rng().random())
}

/// The secret that belongs to these bytes, which nobody can guess.
pub fn secret_from(signing: Signing, random: [u8; HMAC_BYTES]) -> Result<Secret, InvalidValue> {
    match signing {
        Signing::Hmac => format!("whsec_{}", BASE64.encode(random)).parse(),
        Signing::Ed25519 => {
            let key = SigningKey::from_bytes(&random);
            format!("whsk_{}", BASE64.encode(key.to_keypair_bytes())).parse()
        }
    }
}

/// Checks a secret that a caller chose: the domain knows its form, here its bytes are looked at.
pub fn check(secret: &Secret) -> Result<(), InvalidValue> {
    Key::of(secret).map(drop)
}

/// What the receiver verifies with: the secret itself, or the public key of a private one (`whpk_…`).
pub fn verifier(secret: &Secret) -> Result<String, InvalidValue> {
    Ok(match Key::of(secret)? {
        Key::Hmac(_) => secret.expose().to_owned(),
        Key::Ed25519(key) => format!("whpk_{}", BASE64.encode(key.verifying_key().to_bytes())),
    })
}

/// The three headers of an attempt, signed with every secret that is in force, the present one first. A secret that is
/// none (the domain keeps those out) signs nothing.
#[must_use]
pub fn headers(
    secrets: &[&Secret],
    id: DeliveryId,
    at: DateTime<Utc>,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let (id, timestamp) = (id.to_string(), at.timestamp().to_string());
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let signatures: Vec<_> = secrets.iter().filter_map(|secret| signature(secret, &signed)).collect();
    [(ID_HEADER, id), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signatures.join(" "))]
}

fn signature(secret: &Secret, signed: &[u8]) -> Option<String> {
    Some(match Key::of(secret).ok()? {
        Key::Hmac(key) => {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
            mac.update(signed);
            format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
        }
        Key::Ed25519(key) => format!("v1a,{}", BASE64.encode(key.sign(signed).to_bytes())),
    })
}

enum Key {
    Hmac(Vec<u8>),
    Ed25519(Box<SigningKey>),
}

impl Key {
    fn of(secret: &Secret) -> Result<Self, InvalidValue> {
        const NOT_BASE64: InvalidValue = InvalidValue("is not valid base64 after its prefix");
        const LENGTH: InvalidValue = InvalidValue("must hold 24 to 64 bytes after 'whsec_'");
        const KEYPAIR: InvalidValue =
            InvalidValue("must hold an Ed25519 seed and its public key, 64 bytes, after 'whsk_'");
        let (signing, digits) = (secret.signing(), secret.expose().split_once('_'));
        let bytes = digits.and_then(|(_, digits)| BASE64.decode(digits).ok()).ok_or(NOT_BASE64)?;
        match signing {
            Signing::Hmac if (24..=64).contains(&bytes.len()) => Ok(Self::Hmac(bytes)),
            Signing::Hmac => Err(LENGTH),
            Signing::Ed25519 => {
                let keypair: [u8; ED25519_BYTES] = bytes.try_into().map_err(|_| KEYPAIR)?;
                let key = SigningKey::from_keypair_bytes(&keypair).map_err(|_| KEYPAIR)?;
                Ok(Self::Ed25519(Box::new(key)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, VerifyingKey};

    const ID: &str = "dlv_01h455vb4pex5vsknk084sn02q";

    fn sign(secrets: &[&Secret], body: &str) -> [(&'static str, String); 3] {
        headers(secrets, ID.parse().unwrap(), "2021-02-25T21:44:15.9Z".parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn the_example_of_standard_webhooks_is_signed_as_it_prints() {
        // The specification's own: its id is not one of ours, so the signature is made from the text.
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature(&secret, signed).unwrap(), expected);
    }

    #[test]
    fn the_headers_carry_the_id_whole_seconds_and_a_signature_for_each_secret() {
        let (new, old) = (new_secret(Signing::Hmac).unwrap(), new_secret(Signing::Ed25519).unwrap());
        let [id, timestamp, signatures] = sign(&[&new, &old], "{}");
        assert_eq!(id, ("webhook-id", ID.to_owned()));
        assert_eq!(timestamp, ("webhook-timestamp", "1614289455".to_owned()));
        let signatures: Vec<_> = signatures.1.split(' ').collect();
        assert_eq!(signatures.len(), 2);
        assert!(signatures[0].starts_with("v1,") && signatures[1].starts_with("v1a,"));
    }

    #[test]
    fn an_ed25519_signature_is_verified_with_the_public_key_the_receiver_was_given() {
        let secret = new_secret(Signing::Ed25519).unwrap();
        let public = verifier(&secret).unwrap();
        let public = BASE64.decode(public.strip_prefix("whpk_").unwrap()).unwrap();
        let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
        let [_, _, (_, signature)] = sign(&[&secret], "{}");
        let signature = BASE64.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
        let signature = Signature::from_slice(&signature).unwrap();
        let signed = |body: &str| format!("{ID}.1614289455.{body}");
        assert!(public.verify_strict(signed("{}").as_bytes(), &signature).is_ok());
        assert!(public.verify_strict(signed("{ }").as_bytes(), &signature).is_err());
    }

    #[test]
    fn a_changed_byte_another_time_or_another_secret_is_another_signature() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = |signed: &str| signature(&secret, signed.as_bytes()).unwrap();
        let first = signature("dlv_1.1.{}");
        for other in ["dlv_1.1.{ }", "dlv_1.2.{}", "dlv_2.1.{}"] {
            assert_ne!(first, signature(other));
        }
        assert_ne!(new_secret(Signing::Hmac).unwrap(), new_secret(Signing::Hmac).unwrap());
    }

    #[test]
    fn a_secret_whose_bytes_are_not_what_its_prefix_says_is_refused() {
        let seed_alone = format!("whsk_{}", BASE64.encode([7; 32]));
        let wrong_public = format!("whsk_{}", BASE64.encode([7; 64]));
        let not_canonical = format!("whsec_{}B==", "A".repeat(33));
        for text in [seed_alone, wrong_public, not_canonical] {
            assert!(text.parse().is_ok_and(|secret| check(&secret).is_err()), "{text}");
        }
        for secret in [new_secret(Signing::Hmac).unwrap(), new_secret(Signing::Ed25519).unwrap()] {
            assert_eq!(check(&secret), Ok(()));
        }
    }
}
