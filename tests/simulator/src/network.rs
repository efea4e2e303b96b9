//! The network as a whole: two listeners over one world.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::control;
use crate::error::NetworkError;
use crate::session;
use crate::world::World;

/// Where the network listens. Port 0 lets the operating system choose.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the control face answers.
    pub control: SocketAddr,
}

impl Default for NetworkConfig {
    /// Both on the loopback interface, on ports that the operating system chooses.
    fn default() -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen: anywhere, control: anywhere }
    }
}

/// A running network. What it remembers lives as long as this value; dropping it ends every connection.
#[derive(Debug)]
pub struct Network {
    clients: SocketAddr,
    control: SocketAddr,
    root: [u8; 32],
    tasks: Vec<JoinHandle<()>>,
}

impl Network {
    /// Binds both listeners and begins to serve.
    pub async fn start(config: NetworkConfig) -> Result<Self, NetworkError> {
        let world = Arc::new(World::new()?);
        let (clients, client_address) = bind(config.listen).await?;
        let (control, control_address) = bind(config.control).await?;
        tracing::info!(clients = %client_address, control = %control_address, "the simulated network is up");
        Ok(Self {
            clients: client_address,
            control: control_address,
            root: *world.certificates.root(),
            tasks: vec![
                tokio::spawn(accept(clients, Arc::clone(&world))),
                tokio::spawn(control::serve(control, world)),
            ],
        })
    }

    /// The address for clients, as a WebSocket URL.
    pub fn ws_url(&self) -> String {
        format!("ws://{}/ws/chat", self.clients)
    }

    /// The address for clients.
    pub fn client_addr(&self) -> SocketAddr {
        self.clients
    }

    /// The address of the control face.
    pub fn control_addr(&self) -> SocketAddr {
        self.control
    }

    /// The address of the control face, as a URL without a final slash.
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// The public key at the root of the server's certificate, which a verifying client must trust.
    pub fn root_key(&self) -> [u8; 32] {
        self.root
    }

    /// Ends the network and every connection, and waits until the ports are free.
    pub async fn shutdown(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            if let Err(error) = task.await
                && !error.is_cancelled()
            {
                tracing::error!(%error, "a task of the network died");
            }
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), NetworkError> {
    let failed = |source| NetworkError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Accepts clients; the sessions end with this task, because they are in its set.
async fn accept(listener: TcpListener, world: Arc<World>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    sessions.spawn(session::serve(Arc::clone(&world), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(ended) = sessions.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a session died");
                }
            }
        }
    }
}
