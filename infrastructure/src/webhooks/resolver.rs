//! Names, as the system resolves them.

use std::net::IpAddr;

use async_trait::async_trait;
use interflow_application::webhook::ports::Resolver;

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> Vec<IpAddr> {
        match tokio::net::lookup_host((name, port)).await {
            Ok(addresses) => addresses.map(|address| address.ip()).collect(),
            Err(_) => vec![],
        }
    }
}
