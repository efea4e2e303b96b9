//! `interflow keys`. Of a new secret there is nothing else on standard output, so that a script may keep it.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use interflow_domain::workspace::Scope;
use serde_json::{Value, json};
use ureq::http::Method;

use super::Outcome;
use super::client::{Call, Client, Data};
use super::failure::Failure;
use super::list::{Limit, list};
use super::once::Once;
use super::screen::Screen;
use super::words::{NOTHING, string, text, when};
use crate::auth::{scope_from, scope_name};
use crate::config::Span;

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the keys that are not revoked, newest first
    List(Limit),
    /// Make a key and print it, once
    Create(Draft),
    /// Give a key another secret and print it, once; the old one works a while longer
    Rotate {
        /// Its id
        key: String,
        /// How long the old secret works, at most 7d [default: 24h]
        #[arg(long, value_name = "TIME")]
        overlap: Option<Span>,
        #[command(flatten)]
        once: Once,
    },
    /// End a key at once
    Revoke {
        /// Its id
        key: String,
    },
}

/// What key to make.
#[derive(Debug, Args)]
pub struct Draft {
    /// What people call it
    name: String,
    /// What it may do; may be repeated, or separated by commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true, value_parser = scope_from)]
    scopes: Vec<Scope>,
    /// When it stops working, from now; never when left out
    #[arg(long, value_name = "TIME")]
    expires_in: Option<Span>,
    /// The same as a moment, in RFC 3339; needed to repeat the command with its --idempotency-key
    #[arg(long, value_name = "MOMENT", conflicts_with = "expires_in")]
    expires_at: Option<String>,
    #[command(flatten)]
    once: Once,
}

pub async fn run(client: Client, screen: Screen, command: Command) -> Outcome {
    match command {
        Command::List(limit) => {
            let listed = list(&client, &["keys"], vec![], &limit).await?;
            let titles = ["ID", "NAME", "KEY", "SCOPES", "EXPIRES", "LAST USED", "CREATED"];
            listed.show(screen, "keys", titles, |key| {
                [
                    text(key, "/id").into(),
                    text(key, "/name").into(),
                    text(key, "/prefix").into(),
                    text(key, "/scopes").into(),
                    or_never(when(key, "/expires_at", listed.now)).into(),
                    or_never(when(key, "/last_used_at", listed.now)).into(),
                    when(key, "/created_at", listed.now).into(),
                ]
            })
        }
        Command::Create(draft) => create(&client, screen, draft).await,
        Command::Rotate { key, overlap, once } => {
            let body = overlap.map(|overlap| json!({"overlap_seconds": overlap.0.as_secs()}));
            let path = ["keys", key.as_str(), "rotate"];
            let (data, now) = made(&client, &path, body, once).await?;
            secret(screen, &data, "/key")?;
            let old = when(&data.value, "/previous_expires_at", now);
            screen.remark(&format!("{key} has another secret; the old one stops working {old}."));
            Ok(())
        }
        Command::Revoke { key } => {
            let path = ["keys", key.as_str()];
            let call = Call { method: Method::DELETE, path: &path, ..Call::default() };
            let (data, _) = client.one(call).await?;
            if screen.json {
                return screen.data(&data);
            }
            screen.line(&format!("{} is revoked.", text(&data.value, "/id")))
        }
    }
}

async fn create(client: &Client, screen: Screen, draft: Draft) -> Outcome {
    let Draft { name, scopes, expires_in, expires_at, once } = draft;
    let scopes: Vec<_> = scopes.into_iter().map(scope_name).collect();
    let expires_at = match expires_in {
        Some(span) => Some(moment(client.now().await?, span)?),
        None => expires_at,
    };
    let body = json!({"name": name, "scopes": scopes, "expires_at": expires_at});
    let (data, now) = made(client, &["keys"], Some(body), once).await?;
    secret(screen, &data, "/key")?;
    let (id, expires) = (text(&data.value, "/id"), or_never(when(&data.value, "/expires_at", now)));
    screen.remark(&format!("{id}, expires {expires}. The key is not shown again."));
    Ok(())
}

/// A span from now on.
fn moment(now: DateTime<Utc>, Span(span): Span) -> Result<String, Failure> {
    let end = TimeDelta::from_std(span).ok().and_then(|span| now.checked_add_signed(span));
    let end = end.ok_or_else(|| Failure::Usage("--expires-in must not be so far away".to_owned()))?;
    Ok(end.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Makes something that has a secret.
pub(super) async fn made(
    client: &Client,
    path: &[&str],
    body: Option<Value>,
    once: Once,
) -> Result<(Data, Option<DateTime<Utc>>), Failure> {
    let key = once.key();
    let call =
        Call { method: Method::POST, path, body, idempotency_key: Some(key.as_str()), ..Call::default() };
    client.one(call).await
}

/// Prints a secret, and nothing else.
pub(super) fn secret(screen: Screen, data: &Data, pointer: &str) -> Outcome {
    if screen.json {
        return screen.data(data);
    }
    match string(&data.value, pointer) {
        Some(secret) => screen.line(secret),
        None => Err(Failure::Failed("the server made it and tells no key: it was revoked since".to_owned())),
    }
}

fn or_never(when: String) -> String {
    if when == NOTHING { "never".to_owned() } else { when }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_is_counted_from_the_servers_now() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
        let moment = |seconds| moment(now, Span(Duration::from_secs(seconds)));
        assert_eq!(moment(90).unwrap(), "2026-01-31T12:01:30Z");
        assert!(matches!(moment(u64::MAX / 1000), Err(Failure::Usage(_))));
    }
}
