//! The gateway under faults, with the network, and where it matters a second server, in processes of their own.

pub mod cluster;
mod endings;
mod fencing;
mod flapping;
mod inbound;
mod logouts;
mod pairings;
mod receipts;
mod sends;
mod soak;
mod wakeups;
