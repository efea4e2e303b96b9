//! The socket: accepting connections, and draining them when the server stops.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::layers::Peer;
use crate::patience::Patient;

/// How long a connection may take to send a request's head, and may idle between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// More header fields than this are refused by the socket, with a bare 431; up to it, as `layers::heads` says.
const MOST_FIELDS: usize = 256;
/// How long to wait when no connection can be accepted: there are no more file descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// A running server.
#[derive(Debug)]
pub struct HttpServer {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
    stop_accepting: CancellationToken,
    abort: CancellationToken,
    connections: TaskTracker,
}

impl HttpServer {
    /// Serves on a socket that is bound already.
    pub fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop_accepting, abort) = (CancellationToken::new(), CancellationToken::new());
        let connections = TaskTracker::new();
        let loop_ = accept(listener, router, stop_accepting.clone(), abort.clone(), connections.clone());
        Ok(Self { address, accepting: tokio::spawn(loop_), stop_accepting, abort, connections })
    }

    /// Stops accepting and lets requests finish until the deadline; what is still open then is cut.
    pub async fn drain(self, deadline: Instant) {
        self.stop_accepting.cancel();
        self.connections.close();
        // It was told to end, and ends at once.
        drop(self.accepting.await);
        if tokio::time::timeout_at(deadline, self.connections.wait()).await.is_err() {
            tracing::warn!("requests were still open at the end of the drain; they are cut");
        }
        self.abort.cancel();
        self.connections.wait().await;
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    abort: CancellationToken,
    connections: TaskTracker,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => serve((stream, peer), &router, &stop, &abort, &connections),
            // The other side was gone before we were there: its problem alone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

fn serve(
    (stream, peer): (TcpStream, SocketAddr),
    router: &Router,
    stop: &CancellationToken,
    abort: &CancellationToken,
    connections: &TaskTracker,
) {
    // Small answers must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let router = TowerToHyperService::new(router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer.ip()));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MOST_FIELDS)
        // For answers that spell names of headers as their requests do (`graphql::sockets`).
        .preserve_header_case(true)
        .serve_connection(Patient::new(TokioIo::new(stream)), service)
        .with_upgrades();
    let (stop, abort) = (stop.clone(), abort.clone());
    let connection = async move {
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        connection.await
    };
    connections.spawn(async move {
        if let Some(Err(error)) = abort.run_until_cancelled(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}
