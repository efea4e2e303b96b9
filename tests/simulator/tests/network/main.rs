//! The unmodified `whatsapp-rust` client against the simulated network, in one process.
#![cfg(test)]

mod faults;
mod linking;
mod messages;
mod sessions;
mod support;
