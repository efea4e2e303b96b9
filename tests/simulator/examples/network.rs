//! The network alone, for clients that are not in this process.
//!
//! `cargo run -p interflow-simulator --example network -- 127.0.0.1:7700 127.0.0.1:7701`

#![expect(clippy::print_stdout, reason = "an example speaks to whoever started it")]

use std::error::Error;
use std::net::SocketAddr;

use interflow_simulator::{Network, NetworkConfig};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).init();
    let mut addresses = std::env::args().skip(1);
    let mut address = |otherwise: &str| -> Result<SocketAddr, std::net::AddrParseError> {
        addresses.next().as_deref().unwrap_or(otherwise).parse()
    };
    let config = NetworkConfig { listen: address("127.0.0.1:7700")?, control: address("127.0.0.1:7701")? };
    let network = Network::start(config).await?;
    println!("clients connect to {}", network.ws_url());
    println!("people are played over {}", network.control_url());
    tokio::signal::ctrl_c().await?;
    network.shutdown().await;
    Ok(())
}
