//! The key store on a real Postgres, and the engine against the simulated network.

#![expect(clippy::unwrap_used, reason = "what helps the tests fails like a test")]

#[cfg(feature = "lab")]
mod network;
mod store;
mod support;
