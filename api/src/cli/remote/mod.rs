//! Commands that ask a running server, through its public API alone.
//!
//! Cast: [`access`] finds the server and the key, [`client`] calls, [`failure`] says why a command came to nothing and
//! with which exit code; [`list`] reads lists page by page, [`watch`] asks again until something changes; [`screen`]
//! shows answers to people and programs, [`words`] puts values in words. The rest is a file a resource, and `connect`,
//! `tail` and `bulk`, which take their time.

mod access;
mod bulk;
mod bulk_file;
mod channels;
mod chats;
mod client;
mod connect;
mod failure;
mod jobs;
mod keys;
mod list;
mod listen;
mod messages;
mod once;
mod screen;
mod send;
mod tail;
mod watch;
mod webhooks;
mod words;
mod workspaces;

use std::process::ExitCode;

use clap::Subcommand;

use access::Access;
use client::Client;
use failure::Failure;
use screen::Screen;

use super::complain;
use super::output::remark;

type Outcome = Result<(), Failure>;

/// What to ask the server.
#[derive(Debug, Subcommand)]
pub enum RemoteCommand {
    /// List channels, connect them by QR, and look after their connection
    Channels {
        #[command(subcommand)]
        command: channels::Command,
        #[command(flatten)]
        access: Access,
    },
    /// Send a text message
    Send {
        #[command(flatten)]
        order: send::Order,
        #[command(flatten)]
        access: Access,
    },
    /// Send many messages from a file, at the channel's pace
    Bulk {
        #[command(flatten)]
        order: bulk::Order,
        #[command(flatten)]
        access: Access,
    },
    /// List chats, and follow one
    Chats {
        #[command(subcommand)]
        command: chats::Command,
        #[command(flatten)]
        access: Access,
    },
    /// Say what became of a message
    Messages {
        #[command(subcommand)]
        command: messages::Command,
        #[command(flatten)]
        access: Access,
    },
    /// List jobs, wait for them, cancel them
    Jobs {
        #[command(subcommand)]
        command: jobs::Command,
        #[command(flatten)]
        access: Access,
    },
    /// Manage the API keys of a key's workspace, over the API. Without a server or a key, `key create` makes the first
    Keys {
        #[command(subcommand)]
        command: keys::Command,
        #[command(flatten)]
        access: Access,
    },
    /// Manage workspaces, with a key of the first one; any key may show its own
    Workspaces {
        #[command(subcommand)]
        command: workspaces::Command,
        #[command(flatten)]
        access: Access,
    },
    /// See what webhooks are told, live, and forward it to this machine
    Webhooks {
        #[command(subcommand)]
        command: webhooks::Command,
        #[command(flatten)]
        access: Access,
    },
}

/// Does it.
#[must_use]
pub fn run(command: RemoteCommand) -> ExitCode {
    match command {
        RemoteCommand::Channels { command, access } => {
            on(access, |client, screen| channels::run(client, screen, command))
        }
        RemoteCommand::Send { order, access } => {
            on(access, |client, screen| send::run(client, screen, order))
        }
        RemoteCommand::Bulk { order, access } => {
            on(access, |client, screen| bulk::run(client, screen, order))
        }
        RemoteCommand::Chats { command, access } => {
            on(access, |client, screen| chats::run(client, screen, command))
        }
        RemoteCommand::Messages { command, access } => {
            on(access, |client, screen| messages::run(client, screen, command))
        }
        RemoteCommand::Jobs { command, access } => {
            on(access, |client, screen| jobs::run(client, screen, command))
        }
        RemoteCommand::Keys { command, access } => {
            on(access, |client, screen| keys::run(client, screen, command))
        }
        RemoteCommand::Workspaces { command, access } => {
            on(access, |client, screen| workspaces::run(client, screen, command))
        }
        RemoteCommand::Webhooks { command, access } => {
            on(access, |client, screen| webhooks::run(client, screen, command))
        }
    }
}

fn on<F: Future<Output = Outcome>>(access: Access, order: impl FnOnce(Client, Screen) -> F) -> ExitCode {
    let screen = Screen::new(access.json);
    match ordered(access, screen, order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(screen, &failure);
            failure.exit_code()
        }
    }
}

fn ordered<F: Future<Output = Outcome>>(
    access: Access,
    screen: Screen,
    order: impl FnOnce(Client, Screen) -> F,
) -> Outcome {
    let client = access.client()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no thread can be started: {error}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = order(client, screen) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        }
    });
    // A call that is still under way must not hold the process up.
    runtime.shutdown_background();
    outcome
}

fn tell(screen: Screen, failure: &Failure) {
    match failure {
        Failure::OutputClosed => {}
        _ if screen.json => remark(&failure.for_machines().to_string(), true),
        // Whoever pressed it knows.
        Failure::Interrupted => remark("", true),
        _ => {
            complain(failure);
            failure.hints().iter().for_each(|hint| remark(&format!("  {hint}"), true));
        }
    }
}
