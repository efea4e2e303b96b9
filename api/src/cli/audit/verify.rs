//! `interflow audit verify`.

use std::path::{Path, PathBuf};

use clap::Args;
use interflow_application::proof::Verifier;
use interflow_domain::WorkspaceId;
use serde_json::json;

use super::workspaces;
use crate::cli::meter::{Meter, span};
use crate::cli::projections::workspace_from;
use crate::cli::{Outcome, say};
use crate::compose::Tools;
use crate::compose::proof::bundle::{Checked, check};
use crate::compose::proof::read_anchors;
use crate::compose::proof::verify::{Against, Fault, Verified};
use crate::config::{Config, Settings};

/// The command's arguments, and where it works.
#[derive(Debug, Args)]
pub struct Ask {
    #[command(flatten)]
    pub(super) verify: Verify,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What to check, and against what.
#[derive(Debug, Args)]
pub struct Verify {
    /// One workspace, by its id or its short name; all of them when left out
    #[arg(long, value_name = "ID", value_parser = workspace_from)]
    workspace: Option<WorkspaceId>,
    /// Checkpoints that were kept outside: a file as INTERFLOW_AUDIT_ANCHOR_FILE makes it [default: that file]
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// A bundle of `audit export` instead of a log: its directory, or the bundle.jsonl in it. Needs no database
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workspace", "anchors"])]
    bundle: Option<PathBuf>,
    /// A key that checkpoints must be signed with, as it was once published; else those of the database are believed
    #[arg(long, value_name = "KEY")]
    key: Vec<Verifier>,
    /// Answer in JSON, one object a line
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn bundle(&self) -> Option<&Path> {
        self.bundle.as_deref()
    }
}

pub(super) fn run_bundle(path: &Path, order: &Verify) -> Outcome {
    let mut meter = Meter::new(format!("verifying {}", path.display()), "event");
    let checked = check(path, &order.key, &mut |at, of| meter.show(at, of));
    meter.end();
    let checked = checked?;
    if order.json {
        let mut line = json!(checked);
        line["ok"] = json!(checked.faults.is_empty());
        say(&line.to_string());
    } else {
        let good = if checked.faults.is_empty() { "all is as it was sealed" } else { "NOT as it was sealed" };
        let Checked { events, sealed, faults, more_faults, .. } = &checked;
        let told = told_faults(faults, *more_faults);
        say(&format!("{}: {events} events of a log of {sealed}: {good}{told}", path.display()));
        if faults.is_empty() && order.key.is_empty() {
            say("  the key is the bundle's own: compare it with a published one, or give that as --key");
            checked.signed_with.iter().for_each(|key| say(&format!("  {key}")));
        }
    }
    if checked.faults.is_empty() { Ok(()) } else { Err("the bundle is not what was sealed".into()) }
}

pub(super) async fn run(config: &Config, tools: &Tools, order: Verify) -> Outcome {
    let configured = || config.audit_anchor_file.clone().filter(|path| path.exists());
    let anchors = order.anchors.clone().or_else(configured);
    let mut bad = 0_u64;
    for workspace in workspaces(tools, order.workspace).await? {
        let anchors = anchors.as_deref().map(|path| read_anchors(path, Some(workspace))).transpose()?;
        let against = Against { anchors: anchors.unwrap_or_default(), keys: order.key.clone() };
        let mut meter = Meter::new(format!("verifying {workspace}"), "event");
        let verified = tools.proofs.verify(workspace, &against, &mut |at, head| meter.show(at, head)).await;
        let took = meter.end();
        let verified = verified?;
        bad += u64::from(!verified.faults.is_empty());
        if order.json {
            let mut line = json!(verified);
            line["workspace"] = json!(workspace);
            line["ok"] = json!(verified.faults.is_empty());
            line["seconds"] = json!(took.as_secs_f64());
            say(&line.to_string());
        } else {
            say(&told(workspace, &verified));
            say(&format!("  in {}", span(took)));
        }
    }
    match bad {
        0 => Ok(()),
        1 => Err("a log is not the one that was sealed".into()),
        logs => Err(format!("{logs} logs are not those that were sealed").into()),
    }
}

fn told(workspace: WorkspaceId, verified: &Verified) -> String {
    let Verified { events, sealed, checkpoints, faults, more_faults, .. } = verified;
    let unsealed = events.saturating_sub(*sealed);
    let mut text =
        format!("workspace {workspace}: {events} events, {sealed} sealed, {checkpoints} checkpoints: ");
    text.push_str(if faults.is_empty() { "all is as it was sealed" } else { "NOT as it was sealed" });
    if unsealed > 0 && faults.is_empty() {
        text.push_str(&format!("; {unsealed} are not sealed yet"));
    }
    text.push_str(&told_faults(faults, *more_faults));
    text
}

fn told_faults(faults: &[Fault], more: u64) -> String {
    let mut text = String::new();
    for fault in faults {
        let kind = json!(fault.kind);
        text.push_str(&format!("\n  {:<10} {}", kind.as_str().unwrap_or_default(), fault.what));
    }
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}
