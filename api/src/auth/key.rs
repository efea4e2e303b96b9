//! The form of our keys: `ifl_live_`, 30 random base62 digits, and a CRC-32 of all that in six more, so that a
//! secret scanner can tell a key from a look-alike without asking anybody.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const PREFIX: &str = "ifl_live_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LEN: usize = 30;
const CHECK_LEN: usize = 6;
/// Shorter secrets that an operator chose are warned of where strangers may reach the server.
const STRONG_LEN: usize = 24;

/// A new key. To be shown once; only its hash is kept.
#[must_use]
pub fn generate_key() -> String {
    drawn(rand::rng())
}

/// The key that belongs to a seed.
#[must_use]
pub fn key_from(seed: [u8; 32]) -> String {
    drawn(StdRng::from_seed(seed))
}

fn drawn(mut rng: impl Rng) -> String {
    let mut key = String::from(PREFIX);
    key.extend((0..RANDOM_LEN).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])));
    let check = checksum(&key);
    key.push_str(&check);
    key
}

/// Whether a secret has the form of our keys, checksum included.
#[must_use]
pub fn is_well_formed(secret: &str) -> bool {
    let body_len = PREFIX.len() + RANDOM_LEN;
    secret.is_ascii()
        && secret.len() == body_len + CHECK_LEN
        && secret.starts_with(PREFIX)
        && secret[PREFIX.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric())
        && checksum(&secret[..body_len]) == secret[body_len..]
}

/// Whether a secret that an operator chose could be guessed.
#[must_use]
pub fn is_weak(secret: &str) -> bool {
    let distinct: std::collections::BTreeSet<char> = secret.chars().collect();
    !is_well_formed(secret) && (secret.chars().count() < STRONG_LEN || distinct.len() < 10)
}

fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_well_formed_and_never_the_same() {
        let keys: std::collections::BTreeSet<String> = (0..200).map(|_| generate_key()).collect();
        assert_eq!(keys.len(), 200);
        for key in keys {
            assert_eq!(key.len(), 45);
            assert!(is_well_formed(&key), "{key}");
            assert!(!is_weak(&key));
        }
    }

    #[test]
    fn the_checksum_is_the_crc_32_of_all_before_it_in_base62() {
        let body = "ifl_live_000000000000000000000000000000";
        let key = format!("{body}{}", checksum(body));
        assert_eq!(crc32fast::hash(body.as_bytes()), 3_667_091_385);
        assert_eq!(key, "ifl_live_00000000000000000000000000000040AjzF");
        assert!(is_well_formed(&key));
    }

    #[test]
    fn a_mistyped_or_foreign_key_is_not_well_formed() {
        let key = generate_key();
        let mut swapped: Vec<char> = key.chars().collect();
        swapped[20] = if swapped[20] == 'x' { 'y' } else { 'x' };
        let swapped: String = swapped.into_iter().collect();
        for secret in [swapped.as_str(), &key[1..], &key[..44], "flowcore123", "", "ifl_live_é"] {
            assert!(!is_well_formed(secret), "{secret}");
        }
    }

    #[test]
    fn short_or_monotonous_secrets_are_weak() {
        for secret in ["flowcore123", "", &"a".repeat(64)] {
            assert!(is_weak(secret), "{secret}");
        }
        assert!(!is_weak("correct horse battery staple 4711"));
    }
}
