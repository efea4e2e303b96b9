//! The HTTP faces: the real server on a real database, over real HTTP, on the real protocol
//! against the simulated network.

mod bad_input;
mod channels;
mod chats;
mod cli;
mod customers;
mod face;
mod health;
mod idempotency;
mod keys;
mod logs;
mod messages;
mod paging;
mod server;
mod walk;
