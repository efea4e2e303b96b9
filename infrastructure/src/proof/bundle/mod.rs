//! Bundles: part of a log for somebody who has nothing else.
//!
//! A bundle is a directory of two files. `bundle.jsonl` holds, line by line, a header with the signed checkpoint and the
//! keys, and every event: its payload and metadata as they are stored, byte for byte, what they say in clear, the key of
//! each value that was sealed and of nothing else, and the path that proves it to be in the signed tree. `report.html`
//! shows the same to people.
//!
//! Cast: [`select`] finds the events, [`write`] writes them in one snapshot, a batch at a time; [`report`] is the page;
//! [`check`] verifies a bundle with nothing but it and a key: [`order`] tells what was left out, put in or moved, [`opened`]
//! whether what is in clear is what was sealed. [`line`] is what stands in the file.

mod check;
mod line;
mod opened;
mod order;
mod report;
mod select;
mod write;

use chrono::{DateTime, Utc};
use interflow_domain::{ChatId, CustomerId};
use serde::{Deserialize, Serialize};

pub use check::{Checked, check};
pub use write::{BundleError, Exported};

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// A chat and its messages.
    Chat(ChatId),
    /// A customer, its chats and their messages.
    Customer(CustomerId),
    /// Everything of a stretch of the log.
    Range {
        /// From here on, itself included; from the beginning when absent.
        from: Option<Bound>,
        /// Up to here: a position included, a time not; up to the end when absent.
        to: Option<Bound>,
    },
}

/// Where a stretch begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Bound {
    /// At a position.
    Position(u64),
    /// At a time.
    Time(DateTime<Utc>),
}
