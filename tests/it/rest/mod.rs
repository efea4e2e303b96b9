//! The HTTP faces: the real server on a real database, over real HTTP, on the real protocol
//! against the simulated network.

mod as_of;
mod bad_input;
mod bulk;
pub mod channel_qr;
mod channel_timeline;
mod channels;
mod chats;
mod chats_verbs;
mod cli;
mod conventions;
mod customers;
mod events;
mod face;
mod health;
mod history;
mod idempotency;
mod keys;
mod keys_lifecycle;
mod limits;
mod lists;
mod logs;
mod messages;
mod openapi;
mod paging;
mod printed;
mod quickstarts;
mod receivers;
pub mod recorder;
pub mod server;
mod walk;
mod webhook_limit;
mod webhook_secrets;
mod webhooks;
mod workspaces;
mod workspaces_walls;

pub use walk::{Belongings, EVERY_SCOPE};
pub use workspaces::{made, tenant};
