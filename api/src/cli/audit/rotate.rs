//! `interflow audit rotate-key`.

use std::time::Duration;

use clap::Args;
use interflow_domain::WorkspaceId;
use serde_json::json;

use super::workspaces;
use crate::cli::projections::workspace_from;
use crate::cli::{Outcome, say};
use crate::compose::Tools;
use crate::config::{Settings, Span};
use crate::time::Timestamp;

/// The command's arguments, and where it works.
#[derive(Debug, Args)]
pub struct Ask {
    #[command(flatten)]
    pub(super) rotate: RotateKey,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Whose key, and how.
#[derive(Debug, Args)]
pub struct RotateKey {
    /// One workspace, by its id or its short name; all of them when left out
    #[arg(long, value_name = "ID", value_parser = workspace_from)]
    workspace: Option<WorkspaceId>,
    /// How long the key before signs beside the new one
    #[arg(long, value_name = "TIME", default_value = "7d")]
    overlap: Span,
    /// Answer in JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// No overlap is longer: whoever cannot learn of a new key for so long will not.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) async fn run(tools: &Tools, order: RotateKey) -> Outcome {
    if order.overlap.0 > LONGEST {
        return Err("the overlap may be 365d at most".into());
    }
    for workspace in workspaces(tools, order.workspace).await? {
        let rotated = tools.proofs.rotate(workspace, order.overlap.0).await?;
        let retires_at = rotated.retires_at.map(Timestamp::from);
        if order.json {
            let line = json!({
                "workspace": workspace.to_string(),
                "key": rotated.key.to_string(),
                "previous_retires_at": retires_at,
                "checkpoint": rotated.note,
            });
            say(&line.to_string());
        } else {
            say(&format!("workspace {workspace}: checkpoints are signed with {}", rotated.key));
            if rotated.note.is_some() {
                say(
                    "  the key before has signed the latest checkpoint with it, so who knew that one can check this",
                );
            }
        }
    }
    Ok(())
}
