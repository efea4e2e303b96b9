//! The main job, over HTTP, on the real protocol against the simulated network.

mod connection;
mod messages;
