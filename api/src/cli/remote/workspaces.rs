//! `interflow workspaces`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use ureq::http::Method;

use super::Outcome;
use super::client::{Call, Client, Data};
use super::keys::{made, secret};
use super::list::{Limit, list};
use super::once::Once;
use super::screen::{Cell, Screen};
use super::words::{text, when};

/// What to do with workspaces.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List workspaces, newest first
    List(Limit),
    /// Make a workspace, and print the secret of its first key, once
    Create(Draft),
    /// Show a workspace; the key's own, with its limits, when none is named
    Show {
        /// Its slug or id
        workspace: Option<String>,
    },
    /// Give a workspace another plan
    Plan {
        /// Its slug or id
        workspace: String,
        /// The plan
        plan: Plan,
    },
    /// Destroy contents of messages, for ever, once they are so many days old, a calendar month at a time
    Retention {
        /// Its slug or id
        workspace: String,
        /// How many days
        #[arg(value_name = "DAYS", required_unless_present = "for_ever", conflicts_with = "for_ever")]
        days: Option<u16>,
        /// Keep them
        #[arg(long)]
        for_ever: bool,
    },
    /// Refuse all keys of a workspace; what it has stays, and so do its connections
    Suspend {
        /// Its slug or id
        workspace: String,
        /// Why, for those who look at it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let the keys of a suspended workspace in again
    Resume {
        /// Its slug or id
        workspace: String,
    },
    /// Count what a workspace has, and its messages of the last 30 days; the key's own when none is named
    Usage {
        /// Its slug or id
        workspace: Option<String>,
    },
}

/// What workspace to make.
#[derive(Debug, Args)]
pub struct Draft {
    /// Its short name: 1 to 63 of a-z, 0-9 and -
    slug: String,
    /// How many requests it may make
    #[arg(long, value_enum)]
    plan: Plan,
    /// What people call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// How many requests a minute a workspace may make.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Plan {
    /// 60 requests a minute
    Starter,
    /// 300 requests a minute
    Professional,
    /// 1,000 requests a minute
    Enterprise,
    /// No bound
    Unlimited,
}

impl Plan {
    const fn name(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Unlimited => "unlimited",
        }
    }
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    match command {
        Command::List(limit) => {
            let listed = list(&client, &["workspaces"], vec![], &limit).await?;
            let titles = ["SLUG", "NAME", "PLAN", "STATUS", "CREATED", "ID"];
            listed.show(screen, "workspaces", titles, |workspace| {
                [
                    text(workspace, "/slug").into(),
                    text(workspace, "/name").into(),
                    text(workspace, "/plan").into(),
                    Cell::state(text(workspace, "/status")),
                    when(workspace, "/created_at", listed.now).into(),
                    text(workspace, "/id").into(),
                ]
            })
        }
        Command::Create(Draft { slug, plan, name, once }) => {
            let body = json!({"slug": slug, "name": name, "plan": plan.name()});
            let (data, _) = made(&client, &["workspaces"], Some(body), once).await?;
            secret(screen, &data, "/first_key/key")?;
            let id = text(&data.value, "/id");
            screen.remark(&format!("{slug} is {id}. Its first key, above, is not shown again."));
            Ok(())
        }
        Command::Show { workspace } => show(&client, screen, workspace.as_deref()).await,
        Command::Plan { workspace, plan } => {
            let path = ["workspaces", workspace.as_str()];
            let body = Some(json!({"plan": plan.name()}));
            let call = Call { method: Method::PATCH, path: &path, body, ..Call::default() };
            told(screen, &client.one(call).await?.0)
        }
        Command::Retention { workspace, days, .. } => {
            let path = ["workspaces", workspace.as_str()];
            let body = Some(json!({"message_retention_days": days}));
            let call = Call { method: Method::PATCH, path: &path, body, ..Call::default() };
            kept(screen, &client.one(call).await?.0)
        }
        Command::Suspend { workspace, reason } => {
            let path = ["workspaces", workspace.as_str(), "suspend"];
            told(screen, &client.post(&path, Some(json!({"reason": reason}))).await?)
        }
        Command::Resume { workspace } => {
            told(screen, &client.post(&["workspaces", &workspace, "resume"], None).await?)
        }
        Command::Usage { workspace } => usage(&client, screen, workspace.as_deref()).await,
    }
}

async fn show(client: &Client, screen: Screen, workspace: Option<&str>) -> Outcome {
    let (data, now) = match workspace {
        Some(workspace) => client.get(&["workspaces", workspace]).await?,
        None => client.get(&["workspace"]).await?,
    };
    if screen.json {
        return screen.data(&data);
    }
    let Data { value, .. } = &data;
    let mut properties: Vec<(&str, Cell)> = vec![
        ("slug", text(value, "/slug").into()),
        ("id", text(value, "/id").into()),
        ("name", text(value, "/name").into()),
        ("plan", text(value, "/plan").into()),
        ("status", Cell::state(text(value, "/status"))),
        ("reason", text(value, "/suspended_reason").into()),
        ("messages are kept", days_kept(value).into()),
        ("created", when(value, "/created_at", now).into()),
        ("changed", when(value, "/updated_at", now).into()),
    ];
    if let Some(limit) = value.pointer("/limits/requests_per_minute") {
        let limit = limit.as_u64().map_or_else(|| "no bound".to_owned(), |limit| limit.to_string());
        properties.push(("requests a minute", limit.into()));
    }
    screen.properties(properties)
}

/// A key's own usage is a part of its workspace.
async fn usage(client: &Client, screen: Screen, workspace: Option<&str>) -> Outcome {
    let (data, at) = match workspace {
        Some(workspace) => (client.get(&["workspaces", workspace, "usage"]).await?.0, ""),
        None => (client.get(&["workspace"]).await?.0, "/usage"),
    };
    if screen.json {
        return screen.data(&data);
    }
    let Some(usage) = data.value.pointer(at) else {
        return Err(client.foreign("a workspace without its usage"));
    };
    let count = |pointer| Cell::from(text(usage, pointer));
    screen.properties(vec![
        ("events", count("/events")),
        ("customers", count("/customers")),
        ("chats", count("/chats")),
        ("channels", count("/channels")),
        ("keys", count("/keys")),
        ("messages in", count("/messages/inbound")),
        ("messages out", count("/messages/outbound")),
    ])?;
    let days: Vec<_> = usage["days"].as_array().into_iter().flatten().filter(|day| is_busy(day)).collect();
    if days.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    let row = |day: &&Value| {
        [text(day, "/date").into(), text(day, "/inbound").into(), text(day, "/outbound").into()]
    };
    screen.table(["DAY (UTC)", "IN", "OUT"], days.iter().map(row).collect())
}

fn is_busy(day: &Value) -> bool {
    day["inbound"] != 0 || day["outbound"] != 0
}

fn days_kept(workspace: &Value) -> String {
    match workspace["message_retention_days"].as_u64() {
        Some(days) => format!("{days} days"),
        None => "for ever".to_owned(),
    }
}

fn kept(screen: Screen, workspace: &Data) -> Outcome {
    if screen.json {
        return screen.data(workspace);
    }
    let slug = text(&workspace.value, "/slug");
    screen.line(&format!("{slug} keeps contents of messages: {}.", days_kept(&workspace.value)))
}

fn told(screen: Screen, workspace: &Data) -> Outcome {
    if screen.json {
        return screen.data(workspace);
    }
    let (slug, status) = (text(&workspace.value, "/slug"), text(&workspace.value, "/status"));
    screen.line(&format!("{slug} is {status}, on the plan {}.", text(&workspace.value, "/plan")))
}
