//! The one integration binary: every test that needs a database, a server or a network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets the unexpected fails by panicking"
)]

mod architecture;
mod audit;
mod cli;
mod crash;
mod erasure;
mod event_log;
mod faults;
mod gateway;
mod graphql;
mod hosted;
mod lab_guard;
mod live;
mod master_key;
mod past;
mod projections;
mod proof;
mod read_models;
mod rest;
mod retention;
mod support;
mod use_cases;
mod webhook;
mod whatsapp;
