//! `interflow chats`.

use clap::{Args, Subcommand, ValueEnum};

use super::client::Client;
use super::list::{Limit, list};
use super::screen::{Cell, Screen};
use super::words::{NOTHING, number, string, text, when};
use super::{Outcome, tail};

/// How much of a last message is shown.
const PREVIEW: usize = 40;

/// What to do with chats.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List chats, the latest activity first
    List(Filter),
    /// Show the last messages of a chat, and follow what is written and how far it gets
    Tail(tail::Order),
}

/// Which chats.
#[derive(Debug, Args)]
pub struct Filter {
    /// Those that are so
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Those of a channel, by its name or id
    #[arg(long)]
    channel: Option<String>,
    /// Those of somebody; `none` are those of nobody
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Those with messages that nobody has read
    #[arg(long)]
    unread: bool,
    #[command(flatten)]
    limit: Limit,
}

/// What a chat may be.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Status {
    /// Under way
    Open,
    /// Set aside
    Snoozed,
    /// Done
    Closed,
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let status = self.status.map(|status| match status {
            Status::Open => "open",
            Status::Snoozed => "snoozed",
            Status::Closed => "closed",
        });
        let wanted = [
            ("status", status.map(str::to_owned)),
            ("channel_id", self.channel.clone()),
            ("assignee", self.assignee.clone()),
            ("unread", self.unread.then(|| "true".to_owned())),
        ];
        wanted.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    let filter = match command {
        Command::List(filter) => filter,
        Command::Tail(order) => return tail::run(&client, screen, order).await,
    };
    let listed = list(&client, &["chats"], filter.query(), &filter.limit).await?;
    let titles = ["ID", "STATUS", "UNREAD", "ASSIGNEE", "LAST MESSAGE", "ACTIVE", "CUSTOMER"];
    listed.show(screen, "chats", titles, |chat| {
        let direction = match string(chat, "/last_message/direction") {
            Some("inbound") => "← ",
            Some(_) => "→ ",
            None => "",
        };
        let preview: String = text(chat, "/last_message/preview").chars().take(PREVIEW).collect();
        let preview = if direction.is_empty() { NOTHING.to_owned() } else { preview };
        [
            text(chat, "/id").into(),
            Cell::state(text(chat, "/status")),
            number(chat, "/unread_count").to_string().into(),
            text(chat, "/assignee").into(),
            format!("{direction}{preview}").into(),
            when(chat, "/updated_at", listed.now).into(),
            text(chat, "/customer_id").into(),
        ]
    })
}
