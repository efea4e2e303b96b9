//! What surrounds every request, from the outside in: its id and its caller's address, its line in the log, compression,
//! pages of other origins, what browsers and caches are told, panics, the bounds of its head, the time-out, and what is
//! left of its body.

mod access_log;
mod client;
mod compression;
mod cors;
mod headers;
mod heads;
mod leftover;
mod panic;
mod request_id;
mod timeout;

pub use access_log::access_log;
pub use client::{Client, Peer, client};
pub use compression::compression;
pub use cors::cors;
pub use headers::headers;
pub use heads::heads;
pub use leftover::leftover;
pub use panic::{answer_panic, log_panics};
pub use request_id::{RequestId, request_id};
pub use timeout::timeout;
