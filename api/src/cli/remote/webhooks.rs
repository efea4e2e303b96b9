//! `interflow webhooks`.

use clap::Subcommand;

use super::client::Client;
use super::screen::Screen;
use super::{Outcome, listen};

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show events as they happen, and forward them to this machine, signed as webhooks are
    Listen(listen::Order),
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    match command {
        Command::Listen(order) => listen::run(&client, screen, order).await,
    }
}
