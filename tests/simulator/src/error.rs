//! What can go wrong inside the network, one enum for each floor.

use thiserror::Error;

/// The network could not be started.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// A listener could not be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// Why the operating system refused.
        #[source]
        source: std::io::Error,
    },
    /// The server's own keys could not be made.
    #[error("cannot make the network's keys")]
    Keys(#[from] PhoneError),
}

/// A connection broke below the level of stanzas.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("the WebSocket failed")]
    WebSocket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("the client went away before the handshake was over")]
    EndedEarly,
    #[error("the connection does not begin with the WhatsApp prologue")]
    NotWhatsApp,
    #[error("the handshake message cannot be read: {0}")]
    Malformed(String),
    #[error("the Noise handshake failed")]
    Handshake(#[from] wacore_noise::HandshakeError),
    #[error("a Noise frame cannot be opened or sealed: {0}")]
    Cipher(String),
    #[error("a stanza cannot be encoded or decoded: {0}")]
    Codec(String),
}

/// A simulated phone could not do its cryptography.
#[derive(Debug, Error)]
pub enum PhoneError {
    /// A Signal operation failed.
    #[error("a Signal operation failed")]
    Signal(#[from] wacore_libsignal::protocol::SignalProtocolError),
    /// A signature or key agreement failed.
    #[error("a curve operation failed")]
    Curve(#[from] wacore_libsignal::protocol::CurveError),
    /// A ciphertext was neither of the two kinds that a direct message may have.
    #[error("a direct message cannot be of kind {0:?}")]
    UnknownKind(String),
    /// The plaintext is no message.
    #[error("the decrypted bytes are no message: {0}")]
    NoMessage(String),
    /// Keys in a stanza have the wrong size or are missing.
    #[error("the keys in the stanza are incomplete: {0}")]
    IncompleteKeys(&'static str),
}
