//! `interflow chats tail`: the last messages of a chat, then what is written in it and how far that gets.
//!
//! The newest page is asked for again and again; a message in it that was not there before is new, one with another
//! version has got further. Further pages are read when more was written than a page holds.

use std::collections::HashMap;

use clap::Args;
use serde_json::Value;

use super::Outcome;
use super::client::{Call, Client, Data};
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::watch::Patience;
use super::words::{NOTHING, clean, local, number, string, text, ticks, time};
use crate::config::Span;

/// How many messages are asked for at a time, and watched for how far they get.
const PAGE: u32 = 50;

/// Which chat to follow, and how closely.
#[derive(Debug, Args)]
pub struct Order {
    /// The chat's id
    chat: String,
    /// How many messages are shown to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    last: u32,
    /// How often the server is asked; each time counts as a request of the plan
    #[arg(long, value_name = "TIME", default_value = "2s")]
    every: Span,
}

pub async fn run(client: &Client, screen: Screen, order: Order) -> Outcome {
    let Order { chat, last, every } = order;
    let (shown, _) = client.get(&["chats", &chat]).await?;
    let partner = if screen.json { None } else { partner(client, &shown.value).await };
    let mut patience = Patience::new(screen);
    let mut tail = Tail { screen, partner, known: HashMap::new() };
    let first = patience.bear(page(client, &chat, last.max(PAGE), None).await, None).await?;
    let mut messages = first.map(|(messages, _)| messages).unwrap_or_default();
    let rest = messages.split_off(messages.len().min(last as usize));
    for message in rest {
        tail.note(&message.value);
    }
    tail.show(messages)?;
    loop {
        tokio::time::sleep(every.0).await;
        let news = news(client, &chat, &tail.known).await;
        if let Some(messages) = patience.bear(news, None).await? {
            tail.show(messages)?;
        }
    }
}

/// Who writes: by name, else by number. A key that may not know has the number of each message.
async fn partner(client: &Client, chat: &Value) -> Option<String> {
    let (customer, _) = client.get(&["customers", string(chat, "/customer_id")?]).await.ok()?;
    Some(text(&customer.value, "/name")).filter(|name| name != NOTHING)
}

type Page = (Vec<Data>, Option<String>);

async fn page(client: &Client, chat: &str, size: u32, cursor: Option<String>) -> Result<Page, Failure> {
    let mut query = vec![("per_page", size.to_string())];
    query.extend(cursor.map(|cursor| ("cursor", cursor)));
    let path = ["chats", chat, "messages"];
    let answer = client.call(Call { path: &path, query: &query, ..Call::default() }).await?;
    let (messages, meta) = answer.entries(client)?;
    Ok((messages, meta.next_cursor))
}

/// The newest messages, back to one that is known, newest first.
async fn news(client: &Client, chat: &str, known: &HashMap<String, u64>) -> Result<Vec<Data>, Failure> {
    let (mut messages, mut cursor) = page(client, chat, PAGE, None).await?;
    let is_known = |message: &Data| known.contains_key(&text(&message.value, "/id"));
    while cursor.is_some() && !messages.iter().any(is_known) {
        let (older, next) = page(client, chat, PAGE, cursor).await?;
        messages.extend(older);
        cursor = next;
    }
    Ok(messages)
}

struct Tail {
    screen: Screen,
    partner: Option<String>,
    /// The version of each message as it was seen last.
    known: HashMap<String, u64>,
}

impl Tail {
    /// Which version was known.
    fn note(&mut self, message: &Value) -> Option<u64> {
        self.known.insert(text(message, "/id"), number(message, "/version"))
    }

    /// Says what is new of these, newest first as they come.
    fn show(&mut self, messages: Vec<Data>) -> Outcome {
        for message in messages.into_iter().rev() {
            let known = self.note(&message.value);
            if known == Some(number(&message.value, "/version")) {
                continue;
            }
            if self.screen.json {
                self.screen.data(&message)?;
            } else if known.is_none() {
                self.screen.line(&self.written(&message.value))?;
            } else {
                self.screen.line(&self.further(&message.value))?;
            }
        }
        Ok(())
    }

    fn written(&self, message: &Value) -> String {
        let at = time(message, "/created_at").map_or_else(String::new, local);
        let content = content(message);
        if string(message, "/direction") == Some("inbound") {
            let sender = self.partner.clone().unwrap_or_else(|| text(message, "/from"));
            return format!("{at}  ←  {}: {content}", self.screen.paint(&sender, Tone::Good));
        }
        format!("{at}  →  you: {content}  {}", self.status(message))
    }

    fn further(&self, message: &Value) -> String {
        let status = string(message, "/status").unwrap_or_default();
        let at = time(message, &format!("/{status}_at")).or_else(|| time(message, "/read_at"));
        let at = at.map_or_else(|| " ".repeat(19), local);
        let content = self.screen.paint(&content(message), Tone::Faint);
        format!("{at}  ·  {}  {content}", self.status(message))
    }

    fn status(&self, message: &Value) -> String {
        let status = string(message, "/status").unwrap_or_default();
        let drawn = self.screen.paint(&ticks(status), Tone::of(status));
        match string(message, "/status_reason") {
            Some(reason) => format!("{drawn} ({})", clean(reason)),
            None => drawn,
        }
    }
}

fn content(message: &Value) -> String {
    match string(message, "/content/text") {
        Some(text) => clean(text),
        None => format!("[{}]", text(message, "/type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tail() -> Tail {
        Tail { screen: Screen::new(false), partner: Some("Ana".to_owned()), known: HashMap::new() }
    }

    #[test]
    fn a_message_is_told_with_its_sender_and_how_far_it_is() {
        let inbound = json!({"direction": "inbound", "from": "55", "type": "text", "content": {"text": "a\nb"},
            "status": "delivered"});
        assert_eq!(tail().written(&inbound), "  ←  Ana: a⏎b");
        assert_eq!(Tail { partner: None, ..tail() }.written(&inbound), "  ←  55: a⏎b");
        let failed = json!({"direction": "outbound", "type": "image", "content": null, "status": "failed",
            "status_reason": "refused"});
        assert_eq!(tail().written(&failed), "  →  you: [image]  ✗ failed (refused)");
        assert!(tail().further(&failed).ends_with("·  ✗ failed (refused)  [image]"));
    }

    #[test]
    fn a_message_is_told_once_a_version() {
        let mut tail = tail();
        let message = |version: u64| json!({"id": "msg_1", "version": version});
        let notes = [1, 1, 2].map(|version| tail.note(&message(version)));
        assert_eq!(notes, [None, Some(1), Some(1)]);
    }
}
