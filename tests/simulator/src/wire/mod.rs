//! The wire: everything between a TCP stream and a stanza.
//!
//! * [`certificate`]: the root, the intermediate and the server's static key.
//! * [`link`]: the WebSocket as a stream of length-prefixed frames, after the prologue.
//! * [`handshake`]: the server's side of Noise XX, IK and XXfallback.
//! * [`secure`]: frames under the two ciphers that the handshake left, as stanzas.
//! * [`stanza`]: small helpers to read and to build stanzas.

pub(crate) mod certificate;
pub(crate) mod handshake;
pub(crate) mod link;
pub(crate) mod secure;
pub(crate) mod stanza;
