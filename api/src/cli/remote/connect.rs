//! `interflow channels connect`: shows what links a phone, anew whenever it changes, until somebody has linked it.
//!
//! `connect` may be called as often as one likes: it answers with the QR of the moment, begins again when a pairing
//! ended because nobody scanned, and says when the channel is open. So it is called whenever the channel has changed or
//! what is shown has expired.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};

use super::Outcome;
use super::client::{Call, Client, Data};
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::watch::{Patience, Watch, left};
use super::words::{NOTHING, string, text, time};
use crate::cli::meter::span;
use crate::config::Span;
use crate::qr::Drawing;

/// How long what is shown counts as fresh where the server does not say what time it is.
const FRESH: Duration = Duration::from_secs(20);

/// Which channel to connect, and how.
#[derive(Debug, Args)]
pub struct Order {
    /// Its name or id
    channel: String,
    /// Instead of a QR, show a code that the owner of this number types into WhatsApp
    #[arg(long, value_name = "PHONE")]
    pair_code: Option<String>,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m")]
    timeout: Span,
}

pub async fn run(client: &Client, screen: Screen, order: Order) -> Outcome {
    let Order { channel, pair_code, timeout } = order;
    let until = Instant::now() + timeout.0;
    ensure(client, &channel).await?;
    let body = pair_code.map(|phone| json!({"phone": phone}));
    let mut display = Display { screen, shown: None, height: 0 };
    let mut patience = Patience::new(screen);
    let path = ["channels", channel.as_str()];
    let mut watch = Watch::new(client, screen, &path);
    // From what it is now on.
    watch.changed(Some(until)).await?;
    loop {
        let call = Call {
            method: ureq::http::Method::POST,
            path: &["channels", &channel, "connect"],
            body: body.clone(),
            ..Call::default()
        };
        let answered = client.one(call).await;
        if let Some((connected, now)) = patience.bear(answered, Some(until)).await? {
            if string(&connected.value, "/channel/status") == Some("open") {
                return display.end(&connected);
            }
            display.show(&connected)?;
            let expiry = Instant::now() + freshness(&connected.value, now);
            watch.changed(Some(expiry.min(until))).await?;
        }
        if left(Some(until)).is_zero() {
            let waited = span(timeout.0);
            return Err(Failure::TimedOut(format!("{channel} was not linked within {waited}")));
        }
    }
}

/// A name that nobody has becomes a channel. What looks like an id does not.
async fn ensure(client: &Client, channel: &str) -> Outcome {
    match client.get(&["channels", channel]).await {
        Err(failure) if failure.has_status(404) && !channel.starts_with("ins_") => {
            match client.post(&["channels"], Some(json!({"name": channel}))).await {
                // Somebody else was faster.
                Err(failure) if !failure.has_status(409) => Err(failure),
                _ => Ok(()),
            }
        }
        found => found.map(drop),
    }
}

/// How long what was answered is good for.
fn freshness(connected: &Value, now: Option<DateTime<Utc>>) -> Duration {
    let lasts = time(connected, "/expires_at").zip(now).map(|(end, now)| end - now);
    lasts.and_then(|lasts| lasts.to_std().ok()).unwrap_or(FRESH).max(Duration::from_secs(1))
}

/// What is on the screen.
struct Display {
    screen: Screen,
    shown: Option<String>,
    /// How many lines of it may be drawn over.
    height: usize,
}

impl Display {
    fn show(&mut self, connected: &Data) -> Outcome {
        let Data { value, .. } = connected;
        let code = string(value, "/pair_code").or_else(|| string(value, "/qr"));
        if self.shown.as_deref() == code {
            return Ok(());
        }
        self.shown = code.map(str::to_owned);
        if self.screen.json {
            return self.screen.data(connected);
        }
        let text = match (string(value, "/pair_code"), string(value, "/qr")) {
            (Some(code), _) => self.pair_code(code),
            (None, Some(qr)) => self.qr(qr)?,
            (None, None) => "It is linked, and logs in ...".to_owned(),
        };
        self.draw(&text)
    }

    fn qr(&self, qr: &str) -> Result<String, Failure> {
        let drawing = Drawing::of(qr).map_err(|_| Failure::Failed("the QR cannot be drawn".to_owned()))?;
        let drawn = self.screen.white_on_black(&drawing.text());
        Ok(format!(
            "{drawn}\nScan it with the phone: WhatsApp, Linked devices, Link a device. Ctrl-C leaves."
        ))
    }

    fn pair_code(&self, code: &str) -> String {
        let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
        let code = self.screen.paint(&format!("{first}-{second}"), Tone::Good);
        format!(
            "Pair code: {code}\nType it on the phone: WhatsApp, Linked devices, Link a device, Link with phone number \
             instead. Ctrl-C leaves."
        )
    }

    /// On a terminal over what was there; elsewhere below it.
    fn draw(&mut self, text: &str) -> Outcome {
        let wipe = if self.screen.terminal && self.height > 0 {
            format!("\x1b[{}A\x1b[J", self.height)
        } else {
            String::new()
        };
        self.height = text.lines().count();
        self.screen.line(&format!("{wipe}{text}"))
    }

    fn end(&mut self, connected: &Data) -> Outcome {
        if self.screen.json {
            return self.screen.data(connected);
        }
        let channel = &connected.value["channel"];
        let profile = Some(text(channel, "/profile_name")).filter(|name| name != NOTHING);
        let profile = profile.map_or_else(String::new, |name| format!(" ({name})"));
        self.draw(&format!("{} is connected: {}{profile}", text(channel, "/name"), text(channel, "/phone")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_fresh_until_it_expires_by_the_servers_clock() {
        let now: DateTime<Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
        let expiring = |at: &str| json!({"expires_at": at});
        let fresh = |value: Value, now| freshness(&value, now).as_secs();
        assert_eq!(fresh(expiring("2026-01-31T12:00:42.000Z"), Some(now)), 42);
        assert_eq!(fresh(expiring("2026-01-31T11:00:00.000Z"), Some(now)), 20);
        assert_eq!(fresh(expiring("2026-01-31T12:00:00.100Z"), Some(now)), 1);
        assert_eq!(fresh(expiring("2026-01-31T12:00:42.000Z"), None), 20);
        assert_eq!(fresh(json!({"expires_at": null}), Some(now)), 20);
    }
}
