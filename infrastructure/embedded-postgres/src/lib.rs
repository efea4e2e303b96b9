//! A private PostgreSQL server under Interflow's data directory: the default store, so that
//! `interflow serve` needs nothing prepared.
//!
//! # The story of a start
//! A thread of its own takes the [`lock`] on the data directory, so that no second Interflow touches it. It
//! looks for PostgreSQL programs ([`binaries`]) whose major version is that of the cluster, or any supported
//! ones when there is no cluster yet. Root may not run PostgreSQL, so it decides whom to be ([`account`]), and
//! lays out the directories so that this user, and nobody else, can use them ([`layout`]). What a killed
//! predecessor left is waited for or stopped ([`predecessor`]). A missing cluster is made aside and renamed
//! into place ([`initdb`]). The server is spawned ([`server`]) so that it dies with us ([`fork`]), and is only believed to be
//! ready when it has answered a query over its socket and proved that it serves *this* directory ([`ready`],
//! [`wire`]). From then on the thread watches it ([`supervisor`]): a server that dies is started again, its log
//! ([`log`]) is kept in bounds, and a stop is a fast shutdown that is waited for.
//!
//! # What lies where
//! ```text
//! <data>/interflow.lock       flock held by the one Interflow that serves this directory
//! <data>/postgres.log, .1     what the server wrote, at most two files of 8 MiB
//! <data>/postgres/cluster/    the PostgreSQL data directory
//! <data>/postgres/socket/     its socket; /tmp/interflow-… when this path is too long for a socket address
//! ```
//!
//! The server listens on nothing but that socket, in a directory of mode 0700. Whoever may enter it (the
//! server's user and root) may read the files as well, so no password would add anything.

mod account;
mod binaries;
mod config;
mod embedded;
mod error;
mod fork;
mod initdb;
mod launch;
mod layout;
mod lock;
mod log;
mod predecessor;
mod ready;
mod server;
mod supervisor;
mod wire;

pub use config::{Config, ConnectionInfo};
pub use embedded::{EmbeddedPostgres, Health};
pub use error::Error;
