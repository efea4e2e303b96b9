//! The command line: `serve`, `migrate`, `key create`, `projections`, `erasures`, `audit`, `master-key`, `version` work
//! on the server's own data; [`remote`] asks a running server.

mod audit;
mod completions;
mod erasures;
mod key;
mod logging;
mod master_key;
mod meter;
mod output;
mod projections;
mod remote;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::compose;
use crate::config::Settings;

pub use audit::{AuditCommand, run_audit};
pub use erasures::{ErasuresCommand, run_erasures};
pub use logging::{InvalidFilter, start_logging};
pub use master_key::{MasterKeyCommand, rotate_master_key};
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
    /// Make the first API key, at the server's own database (`keys` manages them over the API)
    #[command(subcommand)]
    Key(KeyCommand),
    /// Look at the read models, check them against the log, and make them again from it
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// See to it that those who were erased are: after a restore, and in the database's files
    #[command(subcommand)]
    Erasures(ErasuresCommand),
    /// Prove that the log is what it was
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Change the key that everything secret and personal is sealed under
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    #[command(flatten)]
    Remote(remote::RemoteCommand),
    /// Print the script by which a shell completes these commands
    Completions(completions::Completions),
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make an API key and print it, once. Works beside a running server and without one, needs no key, and must run
    /// where the server's data directory or database is
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
        Command::Completions(completions) => {
            completions::print::<Cli>(completions);
            return ExitCode::SUCCESS;
        }
        Command::Remote(command) => return remote::run(command),
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
        Command::MasterKey(command) => {
            let (settings, new) = command.apart();
            run(settings, |config| async move { rotate_master_key(&config, new).await })
        }
        Command::Erasures(command) => {
            let (settings, verb) = command.apart();
            run(settings, |config| async move { run_erasures(&config, verb).await })
        }
        Command::Audit(command) => {
            let (settings, order) = command.apart();
            run(settings, |config| async move { run_audit(&config, order).await })
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

    /// Every command and option of a remote command: `channels connect`, `--pair-code`.
    fn names(command: &clap::Command, before: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{before}{}", sub.get_name());
            assert!(sub.get_about().is_some(), "{path} says nothing of itself");
            if !sub.has_subcommands() {
                found.push(path.clone());
            }
            let options = sub.get_arguments().filter(|option| option.get_id() != "help");
            for option in options {
                assert!(option.get_help().is_some(), "{path} {} says nothing of itself", option.get_id());
                found.extend(option.get_long().map(|name| format!("--{name}")));
            }
            names(sub, &format!("{path} "), found);
        }
    }

    #[test]
    fn the_documentation_names_every_command_and_option_of_a_running_server() {
        const GUIDE: &str = include_str!("../../../docs/cli.md");
        let remote =
            <remote::RemoteCommand as Subcommand>::augment_subcommands(clap::Command::new("interflow"));
        let mut found = vec![];
        names(&remote, "", &mut found);
        assert!(found.len() > 40, "{found:?}");
        for name in found {
            let last = name.rsplit(' ').next().unwrap_or_default();
            let forms = [name.clone(), format!("`{last} "), format!("`{last}`")];
            assert!(forms.iter().any(|form| GUIDE.contains(form)), "{name} is not documented");
        }
    }
}
