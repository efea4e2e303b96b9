//! Stanzas over the two ciphers that the handshake left.
//!
//! Each direction counts its own frames; the count is the nonce.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use wacore_binary::Node;
use wacore_noise::NoiseCipher;

use super::link::{FrameReader, FrameWriter};
use super::stanza::Outline;
use crate::error::WireError;

/// After its last word the server leaves it to the client to close. A client that reads slowly (Baileys
/// does) would otherwise take the end of the socket for a broken connection, before it reads the reason.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads stanzas.
pub(crate) struct StanzaReader {
    frames: FrameReader,
    cipher: NoiseCipher,
    count: u32,
}

impl StanzaReader {
    /// Reads what `cipher` opens.
    pub(crate) fn new(frames: FrameReader, cipher: NoiseCipher) -> Self {
        Self { frames, cipher, count: 0 }
    }

    /// The next stanza; `None` when the client is gone.
    pub(crate) async fn next(&mut self) -> Result<Option<Node>, WireError> {
        let Some(mut frame) = self.frames.frame().await? else {
            return Ok(None);
        };
        self.cipher
            .decrypt_in_place_with_counter(self.count, &mut frame)
            .map_err(|error| WireError::Cipher(error.to_string()))?;
        self.count += 1;
        let codec = |error: wacore_binary::BinaryError| WireError::Codec(error.to_string());
        let packed = wacore_binary::util::unpack(&frame).map_err(codec)?;
        let node = wacore_binary::marshal::unmarshal_ref(&packed).map_err(codec)?.to_owned();
        tracing::trace!(stanza = %Outline(&node), "received");
        Ok(Some(node))
    }
}

/// What a session asks of the task that writes for it.
enum Outgoing {
    Stanza(Node),
    Close,
    Cut,
}

/// Where stanzas for one connection are put; cheap to clone, never blocks.
#[derive(Clone)]
pub(crate) struct Outbox {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    closing: Arc<AtomicBool>,
}

impl Outbox {
    /// Starts the task that writes; it ends when the connection is closed, cut or broken.
    pub(crate) fn spawn(frames: FrameWriter, cipher: NoiseCipher) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            if let Err(error) = write(frames, cipher, receiver).await {
                tracing::debug!(%error, "the connection broke while writing");
            }
        });
        (Self { outgoing: sender, closing: Arc::default() }, task)
    }

    /// Sends a stanza, unless the connection is gone.
    pub(crate) fn send(&self, stanza: Node) {
        self.put(Outgoing::Stanza(stanza));
    }

    /// Ends the connection after what was put before: the client is expected to close it, and may not say
    /// anything more.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.put(Outgoing::Close);
    }

    /// Drops the socket without a word.
    pub(crate) fn cut(&self) {
        self.put(Outgoing::Cut);
    }

    /// Whether the last word was said.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    fn put(&self, outgoing: Outgoing) {
        if self.outgoing.send(outgoing).is_err() {
            tracing::debug!("the connection is gone already");
        }
    }
}

async fn write(
    mut frames: FrameWriter,
    cipher: NoiseCipher,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
) -> Result<(), WireError> {
    let mut count = 0;
    while let Some(next) = outgoing.recv().await {
        match next {
            Outgoing::Stanza(node) => {
                tracing::trace!(stanza = %Outline(&node), "sent");
                let plain =
                    wacore_binary::marshal(&node).map_err(|error| WireError::Codec(error.to_string()))?;
                let sealed = cipher
                    .encrypt_with_counter(count, &plain)
                    .map_err(|error| WireError::Cipher(error.to_string()))?;
                count += 1;
                frames.send(&sealed).await?;
            }
            Outgoing::Close => {
                tokio::time::sleep(PATIENCE).await;
                frames.close().await;
                return Ok(());
            }
            Outgoing::Cut => return Ok(()),
        }
    }
    Ok(())
}
