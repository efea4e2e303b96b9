//! The socket to WhatsApp, read only while there is room for what it brings.
//!
//! The engine hands out receipts and connection events without waiting, so what it hands out has to be bounded at
//! the source: while the queue to the sink is full, the socket is not read. TCP then holds WhatsApp back, and
//! nothing is dropped.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::transport::{TokioWebSocketTransportFactory, Transport, TransportEvent, TransportFactory};
use whatsapp_rust::{anyhow, async_channel};

use crate::session::Outbox;
use crate::tasks::Tasks;

/// Frames between the socket and the engine.
const IN_FLIGHT: usize = 8;

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
        let (transport, events) = self.shared.create_transport().await?;
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
        Ok((transport, gated))
    }
}
