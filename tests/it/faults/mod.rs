//! The log, when something dies, stalls or lies at any moment of an append: on the real Postgres, with the fault at
//! its seam. After each, [`crate::support::invariants`].
//!
//! [`load`] is what callers do meanwhile, [`trap`] does the damage at a step.

pub mod backpressure;
mod checks;
mod connections;
mod disk;
pub mod load;
mod model;
mod neighbours;
mod postgres;
pub mod servers;
mod shutdown;
mod time;
pub mod trap;
