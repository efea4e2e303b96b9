//! New secrets: random, or, for a command that may be repeated, made from what is durable of it.
//!
//! The answer to a command is kept after the command was carried out. Should the server die in between, the secret
//! would be lost with it, and a rotation would have taken a key from its owner. So the secret of a command is a
//! function of the command, of a nonce that is recorded with it, and of a key that only the server has: a repetition
//! is answered with the same.

use std::sync::Arc;

use interflow_application::Command;
use rand::Rng as _;
use uuid::Uuid;

use super::key::{generate_key, key_from};

/// A keyed hash that nobody without the server's master key can compute.
pub type KeyedHash = Arc<dyn Fn(&[u8]) -> [u8; 32] + Send + Sync>;

/// Makes secrets.
#[derive(Clone)]
pub struct Secrets(KeyedHash);

impl Secrets {
    /// Makes those of commands by this hash.
    #[must_use]
    pub const fn new(hash: KeyedHash) -> Self {
        Self(hash)
    }

    /// The secret of a command and a nonce; a random one where there is no command.
    #[must_use]
    pub fn of(&self, command: Option<&Command>, nonce: Uuid) -> String {
        match command {
            Some(command) => key_from(self.seed(command, nonce)),
            None => generate_key(),
        }
    }

    /// What a secret of another form is made from, in the same way.
    #[must_use]
    pub fn bytes(&self, command: Option<&Command>, nonce: Uuid) -> [u8; 32] {
        command.map_or_else(|| rand::rng().random(), |command| self.seed(command, nonce))
    }

    fn seed(&self, command: &Command, nonce: Uuid) -> [u8; 32] {
        (self.0)(&[command.id.as_slice(), nonce.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::auth::key::is_well_formed;

    fn command(id: u8) -> Command {
        Command { id: [id; 32], request_hash: [0; 32], expires_at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_command_s_secret_is_the_same_again_and_every_other_differs() {
        let secrets = Secrets::new(Arc::new(|bytes| Sha256::digest(bytes).into()));
        let others = Secrets::new(Arc::new(|bytes| Sha256::digest([bytes, &[1]].concat()).into()));
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let secret = secrets.of(Some(&command(1)), one);
        assert!(is_well_formed(&secret), "{secret}");
        assert_eq!(secrets.of(Some(&command(1)), one), secret);
        for other in [
            secrets.of(Some(&command(2)), one),
            secrets.of(Some(&command(1)), two),
            others.of(Some(&command(1)), one),
            secrets.of(None, one),
            secrets.of(None, one),
        ] {
            assert_ne!(other, secret);
        }
    }
}
