//! The main job, over HTTP, on the real protocol against the simulated network.

mod bulk;
mod connection;
mod messages;
