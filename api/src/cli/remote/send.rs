//! `interflow send`.

use std::io::{Read, stdin};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use ureq::http::Method;

use super::Outcome;
use super::client::{Call, Client, Data};
use super::failure::Failure;
use super::once::Once;
use super::screen::{Screen, Tone};
use super::watch::Watch;
use super::words::{NOTHING, string, text, ticks};
use crate::cli::meter::span;
use crate::config::Span;

/// What to send, to whom, and what to wait for.
#[derive(Debug, Args)]
pub struct Order {
    /// The channel's name or id
    channel: String,
    /// The number, with its country code
    to: String,
    /// The text; `-` reads it from standard input
    #[arg(allow_hyphen_values = true)]
    text: String,
    /// Wait until the message is as far; fails when it never will be
    #[arg(long, value_name = "STATUS", value_enum)]
    wait: Option<Stage>,
    /// How long --wait waits
    #[arg(long, value_name = "TIME", default_value = "5m")]
    timeout: Span,
    /// The message it answers
    #[arg(long, value_name = "MESSAGE")]
    reply_to: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// How far a message can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// WhatsApp's server has it
    Sent,
    /// The recipient's phone has it
    Delivered,
    /// The recipient has read it
    Read,
}

impl Stage {
    fn of(status: &str) -> Option<Self> {
        match status {
            "sent" => Some(Self::Sent),
            "delivered" => Some(Self::Delivered),
            "read" | "played" => Some(Self::Read),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

pub async fn run(client: Client, screen: Screen, order: Order) -> Outcome {
    let Order { channel, to, text, wait, timeout, reply_to, once } = order;
    let text = if text == "-" { piped()? } else { text };
    let mut letter = json!({"channel_id": channel, "to": to, "type": "text", "content": {"text": text}});
    if let Some(message) = reply_to {
        letter["reply_to"] = message.into();
    }
    let key = once.key();
    let call = Call {
        method: Method::POST,
        path: &["messages", "send"],
        body: Some(letter),
        idempotency_key: Some(&key),
        ..Call::default()
    };
    let (mut sent, _) = client.one(call).await?;
    if let Some(stage) = wait {
        let until = Instant::now() + timeout.0;
        let id = string(&sent.value, "/id").unwrap_or_default().to_owned();
        let path = ["messages", id.as_str()];
        let mut watch = Watch::new(&client, screen, &path);
        while !is_settled(&sent.value, stage) {
            sent = watch.changed(Some(until)).await?.ok_or_else(|| {
                let (status, waited) = (status(&sent.value), span(timeout.0));
                Failure::TimedOut(format!("{id} is {status} and was not {} within {waited}", stage.name()))
            })?;
        }
    }
    show(screen, &sent)?;
    if string(&sent.value, "/status") == Some("failed") {
        let why = super::words::text(&sent.value, "/status_reason");
        return Err(Failure::Failed(format!("the message was given up: {why}")));
    }
    Ok(())
}

/// Standard input, without the line's end that a shell adds.
fn piped() -> Result<String, Failure> {
    let mut text = String::new();
    let read = stdin().read_to_string(&mut text);
    read.map_err(|source| Failure::Unreadable { path: "standard input".to_owned(), source })?;
    let ended = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(ended.to_owned())
}

fn status(message: &Value) -> String {
    text(message, "/status")
}

fn is_settled(message: &Value, wanted: Stage) -> bool {
    let status = string(message, "/status").unwrap_or_default();
    status == "failed" || Stage::of(status).is_some_and(|stage| stage >= wanted)
}

fn show(screen: Screen, message: &Data) -> Outcome {
    if screen.json {
        return screen.data(message);
    }
    let status = status(&message.value);
    let reason = Some(text(&message.value, "/status_reason")).filter(|reason| reason != NOTHING);
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let drawn = screen.paint(&ticks(&status), Tone::of(&status));
    let (id, to) = (text(&message.value, "/id"), text(&message.value, "/to"));
    screen.line(&format!("{id} to {to}: {drawn}{reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_far_enough_when_it_is_as_far_or_farther_or_will_never_be() {
        let settled = |status: &str, wanted| is_settled(&json!({"status": status}), wanted);
        assert!(!settled("queued", Stage::Sent) && settled("sent", Stage::Sent));
        assert!(!settled("sent", Stage::Delivered) && settled("read", Stage::Delivered));
        assert!(!settled("delivered", Stage::Read) && settled("played", Stage::Read));
        assert!(settled("failed", Stage::Read));
    }
}
