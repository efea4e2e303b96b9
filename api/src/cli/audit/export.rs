//! `interflow audit export`.

use std::path::PathBuf;

use chrono::SecondsFormat;
use clap::{ArgGroup, Args};
use interflow_application::Actor;
use interflow_application::audit::Seen;
use interflow_domain::workspace::HOME_SLUG;
use interflow_domain::{ChatId, CustomerId, WorkspaceId};
use serde_json::json;

use crate::cli::meter::{Meter, span};
use crate::cli::projections::workspace_from;
use crate::cli::{Outcome, say};
use crate::compose::Tools;
use crate::compose::proof::bundle::{Bound, Selection};
use crate::config::Settings;

/// The command's arguments, and where it works.
#[derive(Debug, Args)]
pub struct Ask {
    #[command(flatten)]
    pub(super) export: Export,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What to export, and where to.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["chat", "customer", "from", "to"]))]
pub struct Export {
    /// Of which workspace, by its id or its short name
    #[arg(long, value_name = "ID", value_parser = workspace_from, default_value = HOME_SLUG)]
    workspace: WorkspaceId,
    /// A chat and its messages
    #[arg(long, value_name = "ID", conflicts_with_all = ["customer", "from", "to"])]
    chat: Option<ChatId>,
    /// A customer, its chats and their messages
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to"])]
    customer: Option<CustomerId>,
    /// Everything from a position or a time (RFC 3339) on
    #[arg(long, value_name = "TIME|POSITION", value_parser = bound_from)]
    from: Option<Bound>,
    /// Everything up to a position, itself included, or before a time (RFC 3339)
    #[arg(long, value_name = "TIME|POSITION", value_parser = bound_from)]
    to: Option<Bound>,
    /// The directory to write, which is empty or not there yet
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

fn bound_from(text: &str) -> Result<Bound, String> {
    if let Ok(position) = text.parse() {
        return Ok(Bound::Position(position));
    }
    let time = chrono::DateTime::parse_from_rfc3339(text);
    time.map(|time| Bound::Time(time.to_utc()))
        .map_err(|_| "must be a position, or a time as in 2026-01-31T12:00:00Z".to_owned())
}

/// How who has seen it names it.
fn named(selection: &Selection) -> String {
    let bound = |bound: Option<Bound>| match bound {
        Some(Bound::Position(position)) => position.to_string(),
        Some(Bound::Time(time)) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
        None => String::new(),
    };
    match selection {
        Selection::Chat(chat) => chat.to_string(),
        Selection::Customer(customer) => customer.to_string(),
        Selection::Range { from, to } => format!("{}..{}", bound(*from), bound(*to)),
    }
}

pub(super) async fn run(tools: &Tools, order: Export) -> Outcome {
    let selection = match (order.chat, order.customer) {
        (Some(chat), _) => Selection::Chat(chat),
        (None, Some(customer)) => Selection::Customer(customer),
        (None, None) => Selection::Range { from: order.from, to: order.to },
    };
    let workspace = order.workspace;
    let seen = |items: u64| Seen {
        workspace,
        actor: Actor::Operator.to_string(),
        resource: "export".to_owned(),
        id: Some(named(&selection)),
        items,
        client: None,
        at: tools.core.clock.now(),
    };
    let mut meter = Meter::new(format!("exporting to {}", order.out.display()), "event");
    let exported = tools
        .proofs
        .export(
            &tools.log,
            (workspace, &selection),
            (&order.out, tools.core.clock.now()),
            async |events| tools.reads.saw_for_certain(seen(events)).await,
            &mut |done, of| meter.show(done, of),
        )
        .await;
    let took = meter.end();
    let exported = exported?;
    let (events, checkpoint) = (exported.events, exported.checkpoint);
    if order.json {
        let line = json!({
            "workspace": workspace,
            "directory": order.out,
            "events": events,
            "size": checkpoint.size,
            "root": checkpoint.root.to_string(),
            "origin": checkpoint.origin,
        });
        say(&line.to_string());
    } else {
        say(&format!(
            "{}: {events} events, proved by a checkpoint of {} events, in {}",
            order.out.display(),
            checkpoint.size,
            span(took)
        ));
        say("  bundle.jsonl is for programs (`interflow audit verify --bundle`), report.html for people");
    }
    Ok(())
}
