//! `interflow-lab`: the server, built to trust the simulated WhatsApp network, and that network.
//!
//! The same server as `interflow`, with the same flags; only the engine's trust differs, which is decided when the
//! engine is compiled. `serve` runs both in one process; `network` and `serve --whatsapp` run them apart, so that
//! either can be killed without the other; `demo` plays the main job for a person.

mod demo;
mod doom;
mod haste;
mod out;
mod person;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use interflow::cli::{
    AuditCommand, ErasuresCommand, ProjectionsCommand, run_audit, run_erasures, run_projections,
    serve_until_stopped, start_logging,
};
use interflow::config::Settings;
use interflow::{Brought, EngineFactory, Running};
use interflow_simulator::{Network, NetworkConfig};
use interflow_whatsapp_web::{Settings as EngineSettings, WhatsAppWeb};
use person::{Failure, Person};

/// Interflow against a simulated WhatsApp network.
#[derive(Debug, Parser)]
#[command(name = "interflow-lab", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server and, unless one is named, the network
    Serve {
        #[command(flatten)]
        settings: Box<Settings>,
        /// Where the network's control face answers
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3999", conflicts_with = "whatsapp")]
        control: SocketAddr,
        /// A simulated network that runs elsewhere: ws://HOST:PORT/ws/chat
        #[arg(long, value_name = "URL")]
        whatsapp: Option<String>,
    },
    /// Run the network alone
    Network {
        /// Where clients connect
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4000")]
        listen: SocketAddr,
        /// Where the control face answers
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:3999")]
        control: SocketAddr,
    },
    /// Look at the server's read models, check them against the log, and make them again from it
    #[command(subcommand)]
    Projections(Box<ProjectionsCommand>),
    /// See to it that those who were erased are: after a restore, and in the database's files
    #[command(subcommand)]
    Erasures(Box<ErasuresCommand>),
    /// Prove that the log is what it was
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
    /// Play the main job step by step, on a server of its own; DEMO_STAY=1 keeps it up afterwards
    Demo,
}

fn main() -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(Cli::parse().command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            interflow::cli::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve { settings, control, whatsapp } => {
            let config = settings.resolve()?;
            start_logging(&config)?;
            let Some(url) = whatsapp else {
                let network = Network::start(NetworkConfig { control, ..NetworkConfig::default() }).await?;
                announce(&network);
                let served = serve_until_stopped(config, engine(network.ws_url())).await;
                network.shutdown().await;
                return served;
            };
            let (seam, clock) = (doom::from_environment()?, haste::from_environment()?);
            let brought = Brought { engine: engine(url), seam, clock };
            serve_until_stopped(config, brought).await
        }
        Command::Network { listen, control } => {
            let network = Network::start(NetworkConfig { listen, control }).await?;
            announce(&network);
            tokio::signal::ctrl_c().await?;
            network.shutdown().await;
            Ok(())
        }
        Command::Projections(command) => {
            let (settings, order) = command.apart();
            let config = settings.resolve()?;
            start_logging(&config)?;
            run_projections(&config, order).await
        }
        Command::Erasures(command) => {
            let (settings, verb) = command.apart();
            let config = settings.resolve()?;
            start_logging(&config)?;
            run_erasures(&config, verb).await
        }
        Command::Audit(command) => {
            let (settings, order) = command.apart();
            let config = settings.resolve()?;
            start_logging(&config)?;
            run_audit(&config, order).await
        }
        Command::Demo => demo().await,
    }
}

fn announce(network: &Network) {
    out::line("The simulated WhatsApp network is up.");
    out::line(format_args!("  clients  {}\n  control  {}", network.ws_url(), network.control_url()));
}

/// The engine that connects to a simulated network.
fn engine(url: String) -> EngineFactory {
    Box::new(move |parts| Arc::new(WhatsAppWeb::new(EngineSettings::new(parts.pool, parts.key).at(url))))
}

async fn demo() -> Result<(), Failure> {
    let stay = std::env::var("DEMO_STAY").is_ok_and(|value| value == "1");
    let directory = tempfile::tempdir()?;
    let network = Network::start(NetworkConfig::default()).await?;
    out::line(
        "Interflow's demo: the whole server, on an embedded Postgres, against a simulated WhatsApp network.",
    );
    let config = interflow::Config {
        listen: "127.0.0.1:0".to_owned(),
        data_dir: directory.path().to_owned(),
        log: "interflow=warn,warn".to_owned(),
        ..interflow::Config::default()
    };
    start_logging(&config)?;
    let running = interflow::serve(config, engine(network.ws_url())).await?;
    let played = play(&running, &network).await;
    if played.is_ok() && stay {
        announce(&network);
        out::line(running.greeting());
        out::line("It stays up until you press Ctrl-C.");
        tokio::signal::ctrl_c().await?;
    }
    running.shutdown().await;
    network.shutdown().await;
    played
}

async fn play(running: &Running, network: &Network) -> Result<(), Failure> {
    let key = running.admin_key().ok_or("a fresh server made no admin key")?;
    let person = Person::new(format!("http://{}", running.address), network.control_url(), key.to_owned());
    demo::play(&person).await?;
    demo::show_events(running.core()).await?;
    out::line("\nThe demo is done: every step did what it should.");
    Ok(())
}
