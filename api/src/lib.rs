//! Interflow's server: its HTTP faces, its command line, and the place where everything is put together.
//!
//! Cast:
//! - [`compose`] is the composition root: the one file that names infrastructure;
//! - [`router`] has every route; [`rest`] holds the handlers, which parse, call one use case, and render;
//! - [`graphql`] answers the same over one route;
//! - [`extract`] takes requests apart, [`envelope`] and [`error`] put answers together;
//! - [`auth`] lets keys in, [`idempotency`] lets a command happen once, [`limits`] divides
//!   what a plan allows, [`layers`] surround it all;
//! - [`streams`] is what stays open;
//! - [`openapi`] describes it all, for programs and people;
//! - [`config`] is what an operator may set; [`cli`] is the program; [`bootstrap`] is what a fresh server gets.

pub mod auth;
mod bootstrap;
mod chores;
pub mod cli;
pub mod compose;
pub mod config;
pub mod envelope;
pub mod error;
pub mod extract;
pub mod graphql;
mod health;
pub mod idempotency;
mod layers;
pub mod limits;
mod node;
pub mod openapi;
mod patience;
mod qr;
mod rest;
pub mod router;
mod server;
pub mod state;
pub mod streams;
mod time;
mod turns;

pub use compose::{Brought, EngineFactory, EngineParts, Running, StartError, serve};
pub use config::Config;
