//! The socket to WhatsApp: read only while there is room for what it brings, and written only when what it brought is
//! durable.
//!
//! The engine hands out receipts and connection events without waiting, so what it hands out has to be bounded at
//! the source: while the queue to the sink is full, the socket is not read. TCP then holds WhatsApp back, and
//! nothing is dropped.
//!
//! It also acknowledges receipts without waiting, right after it has handed them out, and has no hook to hold that back.
//! So everything it says waits here until the sink has what it had handed out before: an acknowledgement never leaves
//! before its receipt is in the log, and WhatsApp delivers a receipt again that a crash took from memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use wacore::stats::TransportResourceReport;
use whatsapp_rust::transport::{TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory};
use whatsapp_rust::{anyhow, async_channel};

use crate::session::Outbox;
use crate::tasks::Tasks;

/// Frames between the socket and the engine.
const IN_FLIGHT: usize = 8;
/// How long the sink may take before the connection is given up. WhatsApp would wait little longer for a sign of life.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens sockets for one client, on the factory (and the TLS configuration) all clients share.
pub(crate) struct Sockets {
    pub(crate) shared: Arc<TokioWebSocketTransportFactory>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) tasks: Tasks,
}

#[async_trait]
impl TransportFactory for Sockets {
    async fn create_transport(
        &self,
    ) -> Result<(Arc<dyn Transport>, async_channel::Receiver<TransportEvent>), anyhow::Error> {
        let (socket, events) = self.shared.create_transport().await?;
        let (forward, gated) = async_channel::bounded(IN_FLIGHT);
        let outbox = Arc::clone(&self.outbox);
        self.tasks.run(async move {
            while let Ok(event) = events.recv().await {
                outbox.room().await;
                if forward.send(event).await.is_err() {
                    break;
                }
            }
        });
        Ok((Arc::new(Socket { socket, outbox: Arc::clone(&self.outbox) }), gated))
    }
}

struct Socket {
    socket: Arc<dyn Transport>,
    outbox: Arc<Outbox>,
}

#[async_trait]
impl Transport for Socket {
    async fn send(&self, data: Bytes) -> Result<(), anyhow::Error> {
        if tokio::time::timeout(PATIENCE, self.outbox.taken()).await.is_err() {
            anyhow::bail!("what WhatsApp said could not be made durable in time");
        }
        self.socket.send(data).await
    }

    async fn disconnect(&self) {
        self.socket.disconnect().await;
    }

    fn resource_report(&self) -> Option<TransportResourceReport> {
        self.socket.resource_report()
    }
}
