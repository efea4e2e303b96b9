//! Webhooks: what is told, to whom, in which words, how it is signed, when it is tried again, and who does it. All but
//! the last is pure.
//!
//! Cast:
//! - the *catalogue* ([`catalogue`]) maps private events to public types; what is not in it is told to nobody;
//! - a *subscription* ([`Subscription`]) says whether an endpoint wants an event;
//! - *materials* ([`Materials`]) are what was known when an event was recorded: its own stream up to it, its channel and
//!   customer up to it, each folded into a *portrait* ([`portrait`]);
//! - the *formats* ([`standard`], [`evolution`]) make a body of them; [`render`] picks the one an endpoint asked for;
//! - the *feed* ([`feed()`]) says the same to whoever asks, by position;
//! - the *signature* ([`signing`]) is Standard Webhooks 1.0;
//! - the *verdict* ([`Verdict`]) on an answer, the *schedule* ([`schedule`]) and the *breaker* ([`breaker`]) say what
//!   happens next;
//! - the *guard* ([`address`], [`url`]) says where deliveries may go;
//! - the *dispatcher* ([`dispatch`]) makes the deliveries, and [`views`] show them.
//!
//! A body is a function of the log up to its event and of the endpoint's pinned schema version, byte for byte, whenever
//! it is made again. Only an erasure changes it, and it says so. What stores deliveries and what sends them implement
//! the ports in [`ports`].

pub mod address;
pub mod breaker;
pub mod catalogue;
mod delivery;
pub mod dispatch;
pub mod evolution;
mod feed;
mod glob;
mod loading;
mod materials;
pub mod portrait;
pub mod ports;
mod render;
pub mod schedule;
pub mod schemas;
pub mod signing;
pub mod standard;
mod subscription;
#[cfg(test)]
mod testing;
pub mod url;
mod verdict;
pub mod views;

pub use delivery::{Attempt, Delivery, DeliveryStatus, ErrorClass, Lane, Numbering, Outcome, delivery_id};
pub(crate) use dispatch::recent::Recent;
pub use dispatch::{Dispatcher, ReplayFrom, Tested};
pub use feed::{FeedEvent, FeedPage, FeedRequest, feed};
pub use glob::{Glob, UnknownEvents, patterns};
pub use loading::current;
pub use materials::{Materials, Placement, Subject};
pub use render::{Rendered, render};
pub use subscription::Subscription;
pub use verdict::{Fate, Verdict};
pub use views::{DeliveryFilter, Progress, WebhookReads, WebhookRow, WebhookView};

/// The schema version that a new endpoint is pinned to.
pub const LATEST_SCHEMA: u16 = 1;
