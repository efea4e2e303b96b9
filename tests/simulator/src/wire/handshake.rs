//! The server's side of the Noise handshake.
//!
//! A client that does not know the server's static key speaks XX: three messages, the client's static key
//! and its payload in the last. A client that remembers the key from an earlier connection speaks IK: its
//! static key and payload are in the first message already. When that message cannot be opened (the
//! network was started anew and has another key) the server answers as in XX, and both go on with
//! XXfallback over the ephemeral key that was already sent.

use wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{NoiseCipher, NoiseHandshake};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp::HandshakeMessage;
use waproto::whatsapp::handshake_message::{ClientHello, ServerHello};

use super::certificate::{Certificates, public};
use super::link::{FrameReader, FrameWriter};
use crate::chance;
use crate::error::WireError;

/// What the handshake leaves behind.
pub(crate) struct Handshaken {
    /// Seals what the server sends.
    pub(crate) seal: NoiseCipher,
    /// Opens what the client sends.
    pub(crate) open: NoiseCipher,
    /// The client's static key: who it is.
    pub(crate) client: [u8; 32],
    /// The encoded `ClientPayload`: what it wants.
    pub(crate) payload: Vec<u8>,
}

/// Runs the handshake on a fresh connection.
pub(crate) async fn accept(
    certificates: &Certificates,
    writer: &mut FrameWriter,
    reader: &mut FrameReader,
) -> Result<Handshaken, WireError> {
    reader.prologue().await?;
    let hello = read(reader)
        .await?
        .client_hello
        .into_option()
        .ok_or_else(|| WireError::Malformed("there is no client hello".into()))?;
    let ephemeral = key(hello.ephemeral.as_deref())?;
    if hello.r#static.is_some() {
        match open_resumption(certificates, &hello, &ephemeral) {
            Ok(resumption) => return resume(certificates, writer, resumption, &ephemeral).await,
            Err(error) => {
                tracing::debug!(%error, "the client knows another static key: falling back");
                return introduce(certificates, writer, reader, NOISE_PATTERN_XXFALLBACK, &ephemeral).await;
            }
        }
    }
    introduce(certificates, writer, reader, NOISE_PATTERN_XX, &ephemeral).await
}

/// XX and XXfallback: the server shows its static key, the client answers with its own.
async fn introduce(
    certificates: &Certificates,
    writer: &mut FrameWriter,
    reader: &mut FrameReader,
    pattern: &str,
    ephemeral: &[u8; 32],
) -> Result<Handshaken, WireError> {
    let ours = KeyPair::generate(&mut chance::generator());
    let mut noise = NoiseHandshake::new(pattern, &WA_CONN_HEADER)?;
    noise.authenticate(ephemeral);
    noise.authenticate(&public(&ours));
    noise.mix_shared_secret(ours.private_key.serialize(), ephemeral)?;
    let sealed_static = noise.encrypt(&certificates.public_key())?;
    noise.mix_shared_secret(certificates.private_key(), ephemeral)?;
    let sealed_chain = noise.encrypt(certificates.chain())?;
    send_hello(writer, &ours, Some(sealed_static), sealed_chain).await?;

    let finish = read(reader)
        .await?
        .client_finish
        .into_option()
        .ok_or_else(|| WireError::Malformed("there is no client finish".into()))?;
    let client = noise.decrypt(finish.r#static.as_deref().unwrap_or_default())?;
    let client = key(Some(&client))?;
    noise.mix_shared_secret(ours.private_key.serialize(), &client)?;
    let payload = noise.decrypt(finish.payload.as_deref().unwrap_or_default())?;
    finished(noise, client, payload)
}

/// An IK hello that our static key opened.
struct Resumption {
    noise: NoiseHandshake,
    client: [u8; 32],
    payload: Vec<u8>,
}

fn open_resumption(
    certificates: &Certificates,
    hello: &ClientHello,
    ephemeral: &[u8; 32],
) -> Result<Resumption, WireError> {
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&certificates.public_key());
    noise.authenticate(ephemeral);
    noise.mix_shared_secret(certificates.private_key(), ephemeral)?;
    let client = noise.decrypt(hello.r#static.as_deref().unwrap_or_default())?;
    let client = key(Some(&client))?;
    noise.mix_shared_secret(certificates.private_key(), &client)?;
    let payload = noise.decrypt(hello.payload.as_deref().unwrap_or_default())?;
    Ok(Resumption { noise, client, payload })
}

async fn resume(
    certificates: &Certificates,
    writer: &mut FrameWriter,
    resumption: Resumption,
    ephemeral: &[u8; 32],
) -> Result<Handshaken, WireError> {
    let Resumption { mut noise, client, payload } = resumption;
    let ours = KeyPair::generate(&mut chance::generator());
    noise.authenticate(&public(&ours));
    noise.mix_shared_secret(ours.private_key.serialize(), ephemeral)?;
    noise.mix_shared_secret(ours.private_key.serialize(), &client)?;
    let sealed_chain = noise.encrypt(certificates.chain())?;
    send_hello(writer, &ours, None, sealed_chain).await?;
    finished(noise, client, payload)
}

/// The ciphers are named from the initiator's side: what it writes with, we read with.
fn finished(noise: NoiseHandshake, client: [u8; 32], payload: Vec<u8>) -> Result<Handshaken, WireError> {
    let (open, seal) = noise.finish()?;
    Ok(Handshaken { seal, open, client, payload })
}

async fn send_hello(
    writer: &mut FrameWriter,
    ours: &KeyPair,
    sealed_static: Option<Vec<u8>>,
    sealed_chain: Vec<u8>,
) -> Result<(), WireError> {
    let message = HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(public(ours).to_vec()),
            r#static: sealed_static,
            payload: Some(sealed_chain),
            ..Default::default()
        }),
        ..Default::default()
    };
    writer.send(&message.encode_to_vec()).await
}

async fn read(reader: &mut FrameReader) -> Result<HandshakeMessage, WireError> {
    let frame = reader.frame().await?.ok_or(WireError::EndedEarly)?;
    HandshakeMessage::decode_from_slice(&frame).map_err(|error| WireError::Malformed(error.to_string()))
}

fn key(raw: Option<&[u8]>) -> Result<[u8; 32], WireError> {
    raw.unwrap_or_default().try_into().map_err(|_| WireError::Malformed("a public key has 32 bytes".into()))
}
