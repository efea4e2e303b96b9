//! `interflow jobs`.

use std::time::Instant;

use clap::Subcommand;
use serde_json::Value;

use super::Outcome;
use super::client::{Client, Data};
use super::failure::Failure;
use super::list::{Limit, list};
use super::screen::{Cell, Screen};
use super::watch::Watch;
use super::words::{number, text, when};
use crate::cli::meter::{Meter, span};
use crate::config::Span;

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List jobs, newest first
    List(Limit),
    /// Show a job and its progress
    Show {
        /// Its id
        job: String,
    },
    /// Give up what was not handed to WhatsApp yet
    Cancel {
        /// Its id
        job: String,
    },
    /// Wait until nothing of a job is queued any more; fails when not all of it was sent
    Wait {
        /// Its id
        job: String,
        /// How long to wait; without end when left out
        #[arg(long, value_name = "TIME")]
        timeout: Option<Span>,
    },
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    match command {
        Command::List(limit) => {
            let listed = list(&client, &["jobs"], vec![], &limit).await?;
            let titles = ["ID", "STATUS", "DONE", "FAILED", "CREATED", "FINISHED", "CHANNEL"];
            listed.show(screen, "jobs", titles, |job| {
                [
                    text(job, "/id").into(),
                    Cell::state(text(job, "/status")),
                    format!("{}/{}", done(job), number(job, "/accepted")).into(),
                    number(job, "/progress/failed").to_string().into(),
                    when(job, "/created_at", listed.now).into(),
                    when(job, "/finished_at", listed.now).into(),
                    text(job, "/channel_id").into(),
                ]
            })
        }
        Command::Show { job } => {
            let (data, now) = client.get(&["jobs", &job]).await?;
            if screen.json {
                return screen.data(&data);
            }
            let Data { value, .. } = &data;
            let mut properties: Vec<(&str, Cell)> = vec![
                ("id", text(value, "/id").into()),
                ("kind", text(value, "/kind").into()),
                ("status", Cell::state(text(value, "/status"))),
                ("channel", text(value, "/channel_id").into()),
                ("total", text(value, "/total").into()),
                ("rejected", text(value, "/rejected").into()),
            ];
            let stages = ["queued", "sent", "delivered", "read", "failed", "cancelled"];
            let count = |stage: &'static str| (stage, text(value, &format!("/progress/{stage}")).into());
            properties.extend(stages.map(count));
            let times =
                [("created", "/created_at"), ("expires", "/expires_at"), ("finished", "/finished_at")];
            properties.extend(times.map(|(name, pointer)| (name, when(value, pointer, now).into())));
            screen.properties(properties)
        }
        Command::Cancel { job } => {
            let data = client.post(&["jobs", &job, "cancel"], None).await?;
            if screen.json {
                return screen.data(&data);
            }
            screen.line(&summary(&data.value))
        }
        Command::Wait { job, timeout } => {
            let until = timeout.map(|timeout| Instant::now() + timeout.0);
            let mut meter = Meter::new(job.clone(), "message");
            let show = |job: &Value| meter.show(done(job), number(job, "/accepted"));
            let finished = finished(&client, screen, &job, until, show).await;
            meter.end();
            let waited = timeout.map_or_else(String::new, |timeout| span(timeout.0));
            let finished = finished?
                .ok_or_else(|| Failure::TimedOut(format!("{job} was not finished within {waited}")))?;
            if screen.json {
                screen.data(&finished)?;
            } else {
                screen.line(&summary(&finished.value))?;
            }
            judged(&finished.value)
        }
    }
}

/// Waits until a job is finished, telling each change; nothing when it is not by then.
pub(super) async fn finished(
    client: &Client,
    screen: Screen,
    job: &str,
    until: Option<Instant>,
    mut tell: impl FnMut(&Value),
) -> Result<Option<Data>, Failure> {
    let path = ["jobs", job];
    let mut watch = Watch::new(client, screen, &path);
    while let Some(data) = watch.changed(until).await? {
        tell(&data.value);
        if data.value["finished_at"].is_string() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// How many of its messages have had their turn.
pub(super) fn done(job: &Value) -> u64 {
    number(job, "/accepted").saturating_sub(number(job, "/progress/queued"))
}

/// What became of a job, in a line.
pub(super) fn summary(job: &Value) -> String {
    let stages = ["queued", "sent", "delivered", "read", "failed", "cancelled"];
    let counts = stages.map(|stage| (stage, number(job, &format!("/progress/{stage}"))));
    let counts: Vec<_> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(stage, count)| format!("{count} {stage}"))
        .collect();
    let counts = if counts.is_empty() { "nothing was accepted".to_owned() } else { counts.join(", ") };
    format!("{} is {}: {counts}", text(job, "/id"), text(job, "/status"))
}

/// Fails when not all that was accepted was sent.
pub(super) fn judged(job: &Value) -> Outcome {
    let lost = number(job, "/progress/failed") + number(job, "/progress/cancelled");
    if lost == 0 {
        return Ok(());
    }
    let (id, accepted) = (text(job, "/id"), number(job, "/accepted"));
    Err(Failure::Failed(format!("{lost} of the {accepted} messages of {id} were not sent")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_job_is_summed_up_by_what_there_is_of_it() {
        let job = json!({"id": "job_1", "status": "completed", "accepted": 5,
            "progress": {"queued": 0, "sent": 3, "delivered": 0, "read": 1, "failed": 1, "cancelled": 0}});
        assert_eq!(summary(&job), "job_1 is completed: 3 sent, 1 read, 1 failed");
        assert_eq!(done(&job), 5);
        assert!(judged(&job).is_err());
        assert!(judged(&json!({"accepted": 1, "progress": {"sent": 1}})).is_ok());
    }
}
