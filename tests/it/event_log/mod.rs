//! The event log, on the real Postgres.

mod ahead;
mod answers;
mod cache;
mod claims;
mod commands;
mod cqrs;
mod faults;
mod fences;
pub mod fixture;
mod grouping;
mod immutable;
mod migrations;
mod oracle;
mod plans;
mod positions;
mod queues;
mod reading;
mod sealing;
mod versions;
