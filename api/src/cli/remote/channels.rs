//! `interflow channels`.

use clap::Subcommand;
use serde_json::Value;
use ureq::http::Method;

use super::client::{Call, Client, Data};
use super::list::{Limit, list};
use super::screen::{Cell, Screen};
use super::words::{NOTHING, text, when};
use super::{Outcome, connect};

/// What to do with channels.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List channels, newest first
    List(Limit),
    /// Connect a channel, made when there is none of this name: draws its QR and waits until it is scanned
    Connect(connect::Order),
    /// Show a channel, and what happened to its connection lately
    Show {
        /// Its name or id
        channel: String,
    },
    /// Close and open its connection; the link to the phone stays
    Restart {
        /// Its name or id
        channel: String,
    },
    /// Unlink it from its phone, and give up what waits to be sent
    Logout {
        /// Its name or id
        channel: String,
    },
    /// Log it out and free its name
    Delete {
        /// Its name or id
        channel: String,
    },
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    match command {
        Command::List(limit) => {
            let listed = list(&client, &["channels"], vec![], &limit).await?;
            let titles = ["NAME", "STATUS", "PHONE", "PROFILE", "CREATED", "ID"];
            listed.show(screen, "channels", titles, |channel| {
                [
                    text(channel, "/name").into(),
                    Cell::state(text(channel, "/status")),
                    text(channel, "/phone").into(),
                    text(channel, "/profile_name").into(),
                    when(channel, "/created_at", listed.now).into(),
                    text(channel, "/id").into(),
                ]
            })
        }
        Command::Connect(order) => connect::run(&client, screen, order).await,
        Command::Show { channel } => show(&client, screen, &channel).await,
        Command::Restart { channel } => {
            let data = client.post(&["channels", &channel, "restart"], None).await?;
            told(screen, &data, "is restarted")
        }
        Command::Logout { channel } => {
            let data = client.post(&["channels", &channel, "logout"], None).await?;
            told(screen, &data, "is logged out")
        }
        Command::Delete { channel } => {
            let path = ["channels", channel.as_str()];
            let call = Call { method: Method::DELETE, path: &path, ..Call::default() };
            let (data, _) = client.one(call).await?;
            if screen.json {
                return screen.data(&data);
            }
            screen.line(&format!("{} is deleted.", text(&data.value, "/id")))
        }
    }
}

/// A person also wants to know why it is as it is.
async fn show(client: &Client, screen: Screen, channel: &str) -> Outcome {
    let (data, now) = client.get(&["channels", channel]).await?;
    if screen.json {
        return screen.data(&data);
    }
    let Data { value, .. } = &data;
    screen.properties(vec![
        ("name", text(value, "/name").into()),
        ("id", text(value, "/id").into()),
        ("status", Cell::state(text(value, "/status"))),
        ("phone", text(value, "/phone").into()),
        ("profile", text(value, "/profile_name").into()),
        ("last disconnect", disconnect(value, when(value, "/last_disconnect/at", now)).into()),
        ("created", when(value, "/created_at", now).into()),
        ("changed", when(value, "/updated_at", now).into()),
    ])?;
    let timeline = list(client, &["channels", channel, "timeline"], vec![], &Limit::of(5)).await?;
    screen.line("")?;
    timeline
        .rows(screen, |moment| [when(moment, "/at", timeline.now).into(), text(moment, "/message").into()])
}

fn disconnect(channel: &Value, when: String) -> String {
    if when == NOTHING { when } else { format!("{}, {when}", text(channel, "/last_disconnect/reason")) }
}

fn told(screen: Screen, channel: &Data, what: &str) -> Outcome {
    if screen.json {
        return screen.data(channel);
    }
    screen.line(&format!("{} {what}: {}", text(&channel.value, "/name"), text(&channel.value, "/status")))
}
