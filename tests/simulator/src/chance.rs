//! Randomness: keys, message ids, QR refs.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::rngs::StdRng;
use rand::{Rng, RngExt as _};

/// A generator that may live across an `await`, unlike the thread's own.
pub(crate) fn generator() -> StdRng {
    rand::make_rng::<StdRng>()
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    generator().fill_bytes(&mut bytes);
    bytes
}

/// A number below `end`.
pub(crate) fn below(end: u32) -> u32 {
    generator().random_range(0..end.max(1))
}

/// An id in the form that phones give their messages.
pub(crate) fn message_id() -> String {
    format!("3A{}", hex::encode_upper(bytes::<9>()))
}

/// An id of a stanza that the server starts.
pub(crate) fn stanza_id() -> String {
    format!("{}-{}", below(1_000_000_000), below(1000))
}

/// What a QR code begins with: the reference under which the server knows the waiting client.
pub(crate) fn pairing_reference() -> String {
    format!("2@{}", BASE64_STANDARD.encode(bytes::<96>()))
}
