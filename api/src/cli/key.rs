//! `interflow key create`.

use chrono::TimeDelta;
use clap::Args;
use interflow_application::IssueKey;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope};
use interflow_domain::{DisplayName, WorkspaceSlug};

use super::{Outcome, say};
use crate::auth::{generate_key, scope_from};
use crate::bootstrap::ensure_workspace;
use crate::compose;
use crate::config::{Config, Settings, Span};

/// The command and where it works.
#[derive(Debug, Args)]
pub(super) struct Create {
    #[command(flatten)]
    pub order: Order,
    #[command(flatten)]
    pub settings: Settings,
}

/// What key to make.
#[derive(Debug, Args)]
pub(super) struct Order {
    /// The workspace the key opens; made when there is none
    #[arg(long, value_name = "SLUG", default_value = "default")]
    workspace: WorkspaceSlug,
    /// What people call the key
    #[arg(long, value_name = "NAME", default_value = "Command line")]
    name: DisplayName,
    /// What the key may do; may be repeated, or separated by commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', default_value = "*", value_parser = scope_from)]
    scopes: Vec<Scope>,
    /// When it stops working, from now; never when left out
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Span>,
}

/// Makes a key and prints it: on standard output there is the key and nothing else.
pub(super) async fn create(config: &Config, order: Order) -> Outcome {
    let tools = compose::Tools::open(config).await?;
    let issued = issue(&tools.core, order).await;
    tools.close().await;
    say(&issued?);
    Ok(())
}

async fn issue(
    core: &interflow_application::Core,
    order: Order,
) -> Result<String, interflow_application::Error> {
    let Order { workspace, name, scopes, expires_in } = order;
    let context = ensure_workspace(core, workspace, Plan::Unlimited).await?;
    let expires_at = match expires_in {
        Some(span) => {
            let span = TimeDelta::from_std(span.0).ok();
            let end = span.and_then(|span| core.clock.now().checked_add_signed(span));
            Some(end.ok_or_else(|| {
                interflow_application::Error::field("expires-in", "must not be so far away")
            })?)
        }
        None => None,
    };
    let secret = generate_key();
    let key = IssueKey { name, scopes, secret: secret.clone(), expires_at, origin: KeyOrigin::Issued };
    core.run(&context, &key).await?;
    Ok(secret)
}
