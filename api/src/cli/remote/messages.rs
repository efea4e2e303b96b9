//! `interflow messages`.

use clap::Subcommand;

use super::Outcome;
use super::client::{Client, Data};
use super::screen::{Cell, Screen, Tone};
use super::words::{text, ticks, when};

/// What to do with messages.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a message and how far it is
    Show {
        /// Its id
        message: String,
    },
}

pub async fn run(client: Client, screen: Screen, Command::Show { message }: Command) -> Outcome {
    let (data, now) = client.get(&["messages", &message]).await?;
    if screen.json {
        return screen.data(&data);
    }
    let Data { value, .. } = &data;
    let status = text(value, "/status");
    let stage = |pointer| Cell::from(when(value, pointer, now));
    screen.properties(vec![
        ("id", text(value, "/id").into()),
        ("direction", text(value, "/direction").into()),
        ("from", text(value, "/from").into()),
        ("to", text(value, "/to").into()),
        ("type", text(value, "/type").into()),
        ("text", text(value, "/content/text").into()),
        ("status", Cell::toned(ticks(&status), Tone::of(&status))),
        ("reason", text(value, "/status_reason").into()),
        ("created", stage("/created_at")),
        ("sent", stage("/sent_at")),
        ("delivered", stage("/delivered_at")),
        ("read", stage("/read_at")),
        ("failed", stage("/failed_at")),
        ("reply to", text(value, "/reply_to").into()),
        ("chat", text(value, "/chat_id").into()),
        ("channel", text(value, "/channel_id").into()),
        ("customer", text(value, "/customer_id").into()),
        ("WhatsApp id", text(value, "/whatsapp_id").into()),
    ])
}
