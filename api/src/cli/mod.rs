//! The command line: `serve`, `migrate`, `key create`, `projections`, `version`.

mod key;
mod logging;
mod meter;
mod output;
mod projections;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::compose;
use crate::config::Settings;

pub use logging::{InvalidFilter, start_logging};
pub use output::{complain, say};
pub use projections::{ProjectionsCommand, run_projections};
pub use serve::serve_until_stopped;

/// A self-hosted, event-sourced WhatsApp gateway.
#[derive(Debug, Parser)]
#[command(name = "interflow", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(Settings),
    /// Bring the database's schema up to date, and end
    Migrate(Settings),
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at the read models, check them against the log, and make them again from it
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key and print it, once. Works while the server runs
    Create(key::Create),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Version => {
            say(&format!("interflow {}", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Command::Serve(settings) => run(settings, |config| async {
            let engine = compose::whatsapp_web()?;
            serve_until_stopped(config, engine).await
        }),
        Command::Migrate(settings) => run(settings, |config| async move {
            compose::migrate(&config).await?;
            say("The schema is up to date.");
            Ok(())
        }),
        Command::Key(KeyCommand::Create(create)) => {
            let key::Create { settings, order } = create;
            run(settings, |config| async move { key::create(&config, order).await })
        }
        Command::Projections(command) => {
            let (settings, order) = command.apart();
            run(settings, |config| async move { run_projections(&config, order).await })
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn run<F: Future<Output = Outcome>>(
    settings: Settings,
    command: impl FnOnce(crate::config::Config) -> F,
) -> Outcome {
    let config = settings.resolve()?;
    start_logging(&config)?;
    crate::layers::log_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(command(config));
    // All that matters has ended; a name that is still being looked up must not hold the process up.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
