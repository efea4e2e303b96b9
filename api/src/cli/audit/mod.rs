//! `interflow audit …`: what an auditor does at the server's own data, beside running servers or without one.

mod export;
mod replay;
mod rotate;
mod verify;

use clap::Subcommand;
use interflow_domain::WorkspaceId;

use super::Outcome;
use crate::compose::Tools;
use crate::config::{Config, Settings};

/// What to do for an auditor.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that every event is the one that was sealed, and that the signed and anchored checkpoints agree; fails, and
    /// says what became of the first bad event, when it is not so
    Verify(verify::Ask),
    /// Write a chat, a customer or a stretch of the log for somebody who has nothing else, with what proves it and a page for
    /// people. It holds personal data in clear
    Export(export::Ask),
    /// Make the read models of a workspace again as of any moment, in a place of their own. As of the present they are
    /// compared with those that serve; fails, and names the rows, when any differs
    Replay(replay::Ask),
    /// Make a new key for checkpoints; the one before signs beside it for a while
    RotateKey(rotate::Ask),
}

/// A command without its settings.
#[derive(Debug)]
pub enum Order {
    Verify(verify::Verify),
    Export(export::Export),
    Replay(replay::Replay),
    RotateKey(rotate::RotateKey),
}

impl AuditCommand {
    /// The settings, and what to do.
    #[must_use]
    pub fn apart(self) -> (Settings, Order) {
        match self {
            Self::Verify(ask) => (ask.settings, Order::Verify(ask.verify)),
            Self::Export(ask) => (ask.settings, Order::Export(ask.export)),
            Self::Replay(ask) => (ask.settings, Order::Replay(ask.replay)),
            Self::RotateKey(ask) => (ask.settings, Order::RotateKey(ask.rotate)),
        }
    }
}

/// Does it, and says what came of it on standard output; how far it is, on standard error.
pub async fn run_audit(config: &Config, order: Order) -> Outcome {
    // A bundle is checked where there is nothing but it.
    if let Order::Verify(order) = &order
        && let Some(bundle) = order.bundle()
    {
        return verify::run_bundle(bundle, order);
    }
    let tools = Tools::open(config).await?;
    let outcome = match order {
        Order::Verify(order) => verify::run(config, &tools, order).await,
        Order::Export(order) => export::run(&tools, order).await,
        Order::Replay(order) => replay::run(&tools, &order).await,
        Order::RotateKey(order) => rotate::run(&tools, order).await,
    };
    tools.close().await;
    outcome
}

/// The one workspace, or all.
async fn workspaces(
    tools: &Tools,
    one: Option<WorkspaceId>,
) -> Result<Vec<WorkspaceId>, Box<dyn std::error::Error + Send + Sync>> {
    match one {
        Some(workspace) => Ok(vec![workspace]),
        None => Ok(tools.projections.workspaces().await?),
    }
}
