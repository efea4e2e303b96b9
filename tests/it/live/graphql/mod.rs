//! The same over GraphQL: subscriptions on a WebSocket.

mod access;
mod clients;
mod feed;
mod protocol;
mod signals;

use std::time::Duration;

use crate::rest::server::Server;

/// Everything, in as few words as it takes.
const EVENTS: &str = "subscription ($since: Long, $types: [String!]) { events(since: $since, types: $types) { position type data } }";

/// A server whose heart beats faster.
async fn brisk() -> Server {
    let heartbeat = Duration::from_secs(1);
    Server::with(|config| interflow::Config { stream_heartbeat: heartbeat, ..config }).await
}
