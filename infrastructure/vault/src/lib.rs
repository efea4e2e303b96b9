//! The master key and what is sealed under it.
//!
//! Everything secret at rest (WhatsApp device and session keys, the data keys of personal data, stored answers)
//! is sealed with XChaCha20-Poly1305 under a key for one purpose, derived from the root keys
//! that the master key opens ([`RootKeys`]). The nonce is random
//! and 24 bytes long, so any number of values may be sealed under one key. What is sealed is bound to its place by
//! the additional data: a value copied to another row does not open.

mod master_key;
mod root_keys;

pub use master_key::{MasterKey, MasterKeyError};
pub use root_keys::{RootKeys, StoreKey};

use chacha20::cipher::consts::U10;
use chacha20::hchacha;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;

/// Length of a key in bytes.
pub const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
/// How much of it a value's own key is derived from.
const HCHACHA_NONCE_LEN: usize = 16;

/// A sealed value does not open: another key, another place, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value does not open: wrong key, wrong place or changed bytes")]
pub struct Unsealable;

/// A symmetric key that seals and opens values.
#[derive(Clone)]
pub struct SealingKey(zeroize::Zeroizing<[u8; KEY_LEN]>);

impl SealingKey {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(zeroize::Zeroizing::new(bytes))
    }

    /// A new random key.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; KEY_LEN];
        rand::rng().fill_bytes(&mut bytes);
        Self::new(bytes)
    }

    /// The bytes, to be sealed under another key and nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Seals `plain`, bound to `place`. The result is nonce, ciphertext and tag.
    #[must_use]
    pub fn seal(&self, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = nonce.to_vec();
        let body = self.cipher().encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: place });
        // Encryption fails only for a plaintext of 256 GiB and more, which memory rules out before.
        sealed.extend(body.unwrap_or_default());
        sealed
    }

    /// Opens what [`SealingKey::seal`] made for the same place.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Unsealable)?;
        let payload = Payload { msg: body, aad: place };
        self.cipher().decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Unsealable)
    }

    /// The key of one sealed value alone: it opens that value, and tells nothing of any other. To be shown to whoever is to
    /// check what was sealed. It is what XChaCha20 derives from the key and the first 16 bytes of the nonce.
    #[must_use]
    pub fn of_value(&self, sealed: &[u8]) -> Option<ValueKey> {
        let nonce = sealed.first_chunk::<HCHACHA_NONCE_LEN>()?;
        Some(ValueKey(hchacha::<U10>(self.0.as_slice().into(), nonce.into()).into()))
    }

    /// A keyed hash: equal inputs give equal outputs, and nobody without the key can test a guess.
    #[must_use]
    pub fn fingerprint(&self, value: &[u8]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(self.0.as_slice())
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(value);
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.as_slice().into())
    }
}

/// The key of one sealed value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ValueKey([u8; KEY_LEN]);

impl ValueKey {
    /// A key from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Opens the value, sealed for this place: ChaCha20-Poly1305 with four zero bytes and the last eight of the nonce.
    pub fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Unsealable)?;
        let mut short = Nonce::default();
        short[4..].copy_from_slice(&nonce[HCHACHA_NONCE_LEN..]);
        let cipher = ChaCha20Poly1305::new(&self.0.into());
        cipher.decrypt(&short, Payload { msg: body, aad: place }).map_err(|_| Unsealable)
    }
}

impl std::fmt::Debug for ValueKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ValueKey(…)")
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_place() {
        let key = SealingKey::random();
        let sealed = key.seal(b"place", b"hello");
        assert_eq!(key.open(b"place", &sealed).unwrap(), b"hello");
        assert_ne!(key.seal(b"place", b"hello"), sealed, "a nonce must never repeat");
    }

    #[test]
    fn the_key_of_a_value_opens_it_and_nothing_else() {
        let key = SealingKey::random();
        let (sealed, other) = (key.seal(b"place", b"hello"), key.seal(b"place", b"hello"));
        let value_key = key.of_value(&sealed).unwrap();
        assert_eq!(ValueKey::new(*value_key.expose()).open(b"place", &sealed).unwrap(), b"hello");
        assert_eq!(value_key.open(b"elsewhere", &sealed), Err(Unsealable));
        assert_eq!(value_key.open(b"place", &other), Err(Unsealable));
        assert_eq!(value_key.open(b"place", &sealed[..10]), Err(Unsealable));
        assert_eq!(key.of_value(&sealed[..10]), None);
        assert_eq!(format!("{value_key:?}"), "ValueKey(…)");
    }

    #[test]
    fn another_key_another_place_or_a_changed_byte_does_not_open() {
        let key = SealingKey::random();
        let mut sealed = key.seal(b"place", b"hello");
        assert_eq!(SealingKey::random().open(b"place", &sealed), Err(Unsealable));
        assert_eq!(key.open(b"elsewhere", &sealed), Err(Unsealable));
        assert_eq!(key.open(b"place", &sealed[..20]), Err(Unsealable));
        sealed[30] ^= 1;
        assert_eq!(key.open(b"place", &sealed), Err(Unsealable));
    }
}
