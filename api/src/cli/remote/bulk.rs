//! `interflow bulk`: a file of messages as one job, or, beyond what a call takes, several after each other.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use ureq::http::Method;

use super::Outcome;
use super::bulk_file::{Entry, Format, read};
use super::client::{Call, Client, Data};
use super::failure::Failure;
use super::jobs::{done, finished, judged, summary};
use super::once::Once;
use super::screen::Screen;
use super::words::{clean, number, string, text};
use crate::cli::meter::Meter;

/// Most messages the API takes in a call, and most bytes of them: its bound is 2 MiB with all around them.
const MOST: usize = 1_000;
const MOST_BYTES: usize = 1_900_000;

/// Which messages to send, and where.
#[derive(Debug, Args)]
pub struct Order {
    /// The channel's name or id
    channel: String,
    /// The messages: FILE.csv or FILE.jsonl; `-` is standard input
    file: PathBuf,
    /// How the file is written [default: as its name ends]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Come back once the messages are accepted, without waiting until they are sent
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    once: Once,
}

pub async fn run(client: Client, screen: Screen, order: Order) -> Outcome {
    let Order { channel, file, format, detach, once } = order;
    let entries = read(&file, format)?;
    let (total, calls, key) = (entries.len(), parts(entries), once.key());
    let (mut jobs, mut accepted, mut rejected) = (vec![], 0, 0);
    let is_one = calls.len() == 1;
    for (number, part) in (1..).zip(&calls) {
        let key = if is_one { key.clone() } else { format!("{key}-{number}") };
        let taken = match hand_in(&client, &channel, part, &key).await {
            Ok(taken) => taken,
            Err(failure) => {
                if accepted > 0 {
                    screen.remark(&format!("{accepted} of {total} messages were accepted before this."));
                }
                return Err(failure);
            }
        };
        if screen.json {
            screen.data(&taken)?;
        }
        rejected += tell_rejected(screen, part, &taken.value);
        accepted += self::number(&taken.value, "/accepted");
        jobs.push((text(&taken.value, "/id"), self::number(&taken.value, "/accepted")));
    }
    if !screen.json {
        let names: Vec<_> = jobs.iter().map(|(id, _)| id.as_str()).collect();
        screen.line(&format!("{accepted} of {total} messages are accepted: {}", names.join(", ")))?;
    }
    let sent = if detach { Ok(()) } else { wait(&client, screen, &jobs, accepted).await };
    if rejected > 0 {
        sent?;
        return Err(Failure::Failed(format!("{rejected} of {total} messages were not accepted")));
    }
    sent
}

/// Cuts a file into what calls take.
fn parts(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let (mut parts, mut bytes): (Vec<Vec<Entry>>, usize) = (vec![], 0);
    for entry in entries {
        let size = entry.message.to_string().len() + 1;
        bytes += size;
        match parts.last_mut().filter(|part| part.len() < MOST && bytes <= MOST_BYTES) {
            Some(part) => part.push(entry),
            None => {
                bytes = size;
                parts.push(vec![entry]);
            }
        }
    }
    parts
}

async fn hand_in(client: &Client, channel: &str, part: &[Entry], key: &str) -> Result<Data, Failure> {
    let messages: Vec<_> = part.iter().map(|entry| &entry.message).collect();
    let call = Call {
        method: Method::POST,
        path: &["messages", "bulk"],
        body: Some(json!({"channel_id": channel, "messages": messages})),
        idempotency_key: Some(key),
        ..Call::default()
    };
    let taken = client.one(call).await;
    taken.map(|(taken, _)| taken).map_err(|mut failure| {
        if let Failure::Refused(refusal) = &mut failure {
            for detail in &mut refusal.details {
                detail.field = by_line(&detail.field, part);
            }
        }
        failure
    })
}

/// `messages[3].to` is a field of a line.
fn by_line(field: &str, part: &[Entry]) -> String {
    let split = || {
        let (index, rest) = field.strip_prefix("messages[")?.split_once(']')?;
        let entry = part.get(index.parse::<usize>().ok()?)?;
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        Some(format!("line {} {rest}", entry.line).trim_end().to_owned())
    };
    split().unwrap_or_else(|| field.to_owned())
}

/// Names the lines that were not accepted, and why; how many they are.
fn tell_rejected(screen: Screen, part: &[Entry], taken: &Value) -> usize {
    let items = taken["items"].as_array().into_iter().flatten();
    let rejected: Vec<_> = items.filter(|item| item["error"].is_object()).collect();
    for item in &rejected {
        let index = usize::try_from(number(item, "/index")).unwrap_or(usize::MAX);
        let line = part.get(index).map_or(0, |entry| entry.line);
        let details = item["error"]["details"].as_array().into_iter().flatten();
        let mut why: Vec<_> = details.filter_map(|detail| string(detail, "/message")).map(clean).collect();
        if why.is_empty() {
            why.push(text(item, "/error/message"));
        }
        screen.remark(&format!("line {line}: {} ({})", why.join("; "), text(item, "/error/code")));
    }
    rejected.len()
}

/// Jobs of a channel have their turns one after the other.
async fn wait(client: &Client, screen: Screen, jobs: &[(String, u64)], accepted: u64) -> Outcome {
    screen.remark("Waiting until they are sent. Ctrl-C leaves; the server goes on.");
    let mut meter = Meter::new("sending".to_owned(), "message");
    let (mut before, mut ended) = (0, vec![]);
    for (job, share) in jobs {
        let seen = finished(client, screen, job, None, |job| meter.show(before + done(job), accepted)).await;
        match seen {
            Ok(seen) => ended.extend(seen),
            Err(failure) => {
                meter.end();
                return Err(failure);
            }
        }
        before += share;
    }
    meter.end();
    for job in &ended {
        if screen.json {
            screen.data(job)?;
        } else {
            screen.line(&summary(&job.value))?;
        }
    }
    ended.iter().try_for_each(|job| judged(&job.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u64, size: usize) -> Entry {
        Entry { line, message: json!("x".repeat(size)) }
    }

    #[test]
    fn a_file_is_cut_by_what_a_call_takes() {
        let sizes = |entries: Vec<Entry>| parts(entries).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes((0..2_001).map(|line| entry(line, 1)).collect()), [1000, 1000, 1]);
        assert_eq!(sizes((0..3).map(|line| entry(line, 900_000)).collect()), [2, 1]);
        assert_eq!(sizes(vec![entry(1, 3_000_000), entry(2, 1)]), [1, 1]);
    }

    #[test]
    fn a_field_is_named_by_its_line() {
        let part = [entry(2, 1), entry(5, 1)];
        assert_eq!(by_line("messages[1].content.text", &part), "line 5 content.text");
        assert_eq!(by_line("messages[0]", &part), "line 2");
        assert_eq!(by_line("messages[9].to", &part), "messages[9].to");
        assert_eq!(by_line("channel_id", &part), "channel_id");
    }
}
