//! The WebSocket as a stream of frames.
//!
//! A client opens with an optional routing prefix (`ED 00 01`, a 3-byte length, the routing data that the
//! server gave it earlier) and the 4-byte prologue `WA`, protocol, dictionary version. Every frame after
//! that has a 3-byte length. Neither respects the borders of WebSocket messages.

use bytes::BytesMut;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wacore_binary::consts::WA_CONN_HEADER;
use wacore_noise::framing::{FrameDecoder, encode_frame};

use crate::error::WireError;

type Socket = WebSocketStream<TcpStream>;

const ROUTING_MARK: &[u8] = b"ED\x00\x01";
const ROUTING_HEADER: usize = 7;

/// The reading half.
pub(crate) struct FrameReader {
    socket: SplitStream<Socket>,
    frames: FrameDecoder,
}

/// The writing half.
pub(crate) struct FrameWriter {
    socket: SplitSink<Socket, Message>,
}

/// Splits a socket into frames out and frames in.
pub(crate) fn split(socket: Socket) -> (FrameWriter, FrameReader) {
    let (sink, stream) = socket.split();
    (FrameWriter { socket: sink }, FrameReader { socket: stream, frames: FrameDecoder::new() })
}

impl FrameReader {
    /// Reads past the routing prefix and the prologue.
    pub(crate) async fn prologue(&mut self) -> Result<(), WireError> {
        let mut opening = Vec::new();
        loop {
            if let Some(length) = opening_length(&opening)? {
                self.frames.feed(opening.get(length..).unwrap_or_default());
                return Ok(());
            }
            match self.data().await? {
                Some(data) => opening.extend_from_slice(&data),
                None => return Err(WireError::EndedEarly),
            }
        }
    }

    /// The next frame; `None` when the client is gone.
    pub(crate) async fn frame(&mut self) -> Result<Option<BytesMut>, WireError> {
        loop {
            if let Some(frame) = self.frames.decode_frame() {
                return Ok(Some(frame));
            }
            match self.data().await? {
                Some(data) => self.frames.feed(&data),
                None => return Ok(None),
            }
        }
    }

    async fn data(&mut self) -> Result<Option<bytes::Bytes>, WireError> {
        while let Some(message) = self.socket.next().await {
            match message.map_err(Box::new)? {
                Message::Binary(data) => return Ok(Some(data)),
                Message::Close(_) => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }
}

impl FrameWriter {
    /// Sends one frame.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> Result<(), WireError> {
        let frame = encode_frame(payload, None).map_err(|error| WireError::Codec(error.to_string()))?;
        let sent = self.socket.send(Message::Binary(frame.into())).await;
        Ok(sent.map_err(Box::new)?)
    }

    /// Closes the WebSocket in good form.
    pub(crate) async fn close(&mut self) {
        if let Err(error) = self.socket.close().await {
            tracing::debug!(%error, "the client was gone before the WebSocket was closed");
        }
    }
}

/// How many bytes the opening takes, once all of it is here.
fn opening_length(opening: &[u8]) -> Result<Option<usize>, WireError> {
    let routing = if opening.starts_with(b"E") {
        let Some(header) = opening.get(..ROUTING_HEADER) else {
            return Ok(None);
        };
        let (mark, length) = header.split_at(ROUTING_MARK.len());
        if mark != ROUTING_MARK {
            return Err(WireError::NotWhatsApp);
        }
        ROUTING_HEADER + length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    } else {
        0
    };
    match opening.get(routing..routing + WA_CONN_HEADER.len()) {
        None => Ok(None),
        Some(prologue) if prologue == WA_CONN_HEADER => Ok(Some(routing + WA_CONN_HEADER.len())),
        Some(_) => Err(WireError::NotWhatsApp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opening_is_complete_with_the_prologue() {
        assert_eq!(opening_length(b"WA").unwrap(), None);
        assert_eq!(opening_length(&WA_CONN_HEADER).unwrap(), Some(4));
    }

    #[test]
    fn a_routing_prefix_comes_before_the_prologue() {
        let mut opening = b"ED\x00\x01\x00\x00\x02xy".to_vec();
        assert_eq!(opening_length(&opening).unwrap(), None);
        opening.extend_from_slice(&WA_CONN_HEADER);
        assert_eq!(opening_length(&opening).unwrap(), Some(13));
    }

    #[test]
    fn anything_else_is_not_whatsapp() {
        assert!(opening_length(b"GET /").is_err());
    }
}
