//! `interflow projections list`, `verify` and `rebuild`: beside running servers, or without one.

use clap::{Args, Subcommand};
use interflow_application::workspace_id;
use interflow_domain::{WorkspaceId, WorkspaceSlug};
use serde_json::json;

use super::meter::{Meter, span};
use super::{Outcome, say};
use crate::compose::Tools;
use crate::compose::projections::{Difference, Fault, PROJECTIONS, Projection, Projections, Status};
use crate::config::{Config, Settings};

/// What to do with the read models.
#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Say which projections there are, how large, and whether their definition has changed
    List(Ask),
    /// Compare every row with what the log amounts to; fails, and names the rows, when any differs
    Verify(Ask),
    /// Make the rows again from the log while the old ones serve; run again, it goes on where it was killed
    Rebuild(Ask),
}

/// The command's arguments, and where it works.
#[derive(Debug, Args)]
pub struct Ask {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    settings: Settings,
}

/// Which read models, and how to answer.
#[derive(Debug, Args)]
struct Which {
    /// One projection. All of a workspace share a generation: `rebuild` makes all of them, whichever is named
    #[arg(long, value_name = "NAME", value_parser = projection_from)]
    projection: Option<Projection>,
    /// One workspace, by its id or its short name; all of them when left out
    #[arg(long, value_name = "ID", value_parser = workspace_from)]
    workspace: Option<WorkspaceId>,
    /// Answer in JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// A command without its settings.
#[derive(Debug)]
pub struct Order {
    verb: Verb,
    which: Which,
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    List,
    Verify,
    Rebuild,
}

impl ProjectionsCommand {
    /// The settings, and what to do.
    #[must_use]
    pub fn apart(self) -> (Settings, Order) {
        let (verb, ask) = match self {
            Self::List(ask) => (Verb::List, ask),
            Self::Verify(ask) => (Verb::Verify, ask),
            Self::Rebuild(ask) => (Verb::Rebuild, ask),
        };
        (ask.settings, Order { verb, which: ask.which })
    }
}

fn projection_from(name: &str) -> Result<Projection, String> {
    let names = || PROJECTIONS.map(|projection| projection.name).join(", ");
    let found = PROJECTIONS.into_iter().find(|projection| projection.name == name);
    found.ok_or_else(|| format!("there are {}", names()))
}

pub(super) fn workspace_from(text: &str) -> Result<WorkspaceId, String> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let slug: WorkspaceSlug =
        text.parse().map_err(|error| format!("neither an id nor a short name: {error}"))?;
    Ok(workspace_id(&slug))
}

/// Does it, and says what came of it on standard output; how far it is, on standard error.
pub async fn run_projections(config: &Config, order: Order) -> Outcome {
    let tools = Tools::open(config).await?;
    let Order { verb, which } = order;
    let outcome = match verb {
        Verb::List => list(&tools.projections, &which).await,
        Verb::Verify => verify(&tools.projections, &which).await,
        Verb::Rebuild => rebuild(&tools.projections, &which).await,
    };
    tools.close().await;
    outcome
}

async fn workspaces(
    projections: &Projections,
    which: &Which,
) -> Result<Vec<WorkspaceId>, Box<dyn std::error::Error + Send + Sync>> {
    match which.workspace {
        Some(workspace) => Ok(vec![workspace]),
        None => Ok(projections.workspaces().await?),
    }
}

async fn list(projections: &Projections, which: &Which) -> Outcome {
    for mut status in projections.list(which.workspace).await? {
        status.projections.retain(|one| which.projection.is_none_or(|only| only.name == one.name));
        if which.json {
            say(&listed_for_machines(&status));
        } else {
            say(&listed(&status));
        }
    }
    Ok(())
}

fn listed(status: &Status) -> String {
    let Status { workspace, events, generation, projections, filling } = status;
    let mut text = format!("workspace {workspace}: {events} events, generation {generation}");
    for one in projections {
        let state = if one.current { "current" } else { "its definition has changed: rebuild it" };
        text.push_str(&format!("\n  {:<14}{:>12} rows  {state}", one.name, one.rows));
    }
    if let Some(filling) = filling {
        text.push_str(&format!(
            "\n  generation {} is being filled, or was left: {} events are in it",
            filling.generation, filling.position
        ));
    }
    text
}

fn listed_for_machines(status: &Status) -> String {
    let projections: Vec<_> = status
        .projections
        .iter()
        .map(|one| json!({"name": one.name, "rows": one.rows, "current": one.current}))
        .collect();
    let filling =
        status.filling.map(|filling| json!({"generation": filling.generation, "position": filling.position}));
    json!({
        "workspace": status.workspace.to_string(),
        "events": status.events,
        "generation": status.generation,
        "projections": projections,
        "filling": filling,
    })
    .to_string()
}

async fn rebuild(projections: &Projections, which: &Which) -> Outcome {
    for workspace in workspaces(projections, which).await? {
        let mut meter = Meter::new(format!("rebuilding {workspace}"), "event");
        let rebuilt = projections.rebuild(workspace, &mut |at| meter.show(at.position, at.head)).await;
        let took = meter.end();
        let rebuilt = rebuilt?;
        let (generation, events) = (rebuilt.generation, rebuilt.position);
        if which.json {
            let workspace = workspace.to_string();
            let line = json!({"workspace": workspace, "generation": generation, "events": events});
            say(&line.to_string());
        } else {
            let took = span(took);
            say(&format!("workspace {workspace}: generation {generation} serves, {events} events in {took}"));
        }
    }
    Ok(())
}

async fn verify(projections: &Projections, which: &Which) -> Outcome {
    let mut differences = 0;
    for workspace in workspaces(projections, which).await? {
        let mut meter = Meter::new(format!("verifying {workspace}"), "event");
        let mut tell = |difference: Difference| say(&told(workspace, &difference, which.json));
        let verified = projections
            .verify(workspace, which.projection, &mut |at| meter.show(at.position, at.head), &mut tell)
            .await;
        let took = meter.end();
        let verified = verified?;
        differences += verified.differences;
        if which.json {
            let line = json!({
                "workspace": workspace.to_string(),
                "generation": verified.generation,
                "events": verified.position,
                "rows": verified.rows,
                "differences": verified.differences,
            });
            say(&line.to_string());
        } else {
            say(&format!(
                "workspace {workspace}: {} rows from {} events, {} differ ({})",
                verified.rows,
                verified.position,
                verified.differences,
                span(took)
            ));
        }
    }
    if differences == 0 {
        return Ok(());
    }
    let what = "of the read models differ from what the log amounts to";
    Err(format!("{differences} rows {what}: run `interflow projections rebuild`").into())
}

pub(super) fn told(workspace: WorkspaceId, difference: &Difference, for_machines: bool) -> String {
    let Difference { projection, table, id, fault } = difference;
    let (fault, columns) = match fault {
        Fault::Missing => ("missing", vec![]),
        Fault::Superfluous => ("superfluous", vec![]),
        Fault::Differs(columns) => ("differs", columns.clone()),
    };
    if for_machines {
        return json!({
            "workspace": workspace.to_string(),
            "projection": projection,
            "table": table,
            "id": id.to_string(),
            "fault": fault,
            "columns": columns,
        })
        .to_string();
    }
    let columns = if columns.is_empty() { String::new() } else { format!(" in {}", columns.join(", ")) };
    format!("workspace {workspace}: {table} {id} {fault}{columns}")
}
