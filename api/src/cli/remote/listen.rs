//! `interflow webhooks listen`: what an endpoint would be told, on a machine that no server can reach.
//!
//! The events come from the feed (`GET /v1/events`), and are made into deliveries here: of the format `standard`,
//! numbered from 1 within each chat or resource, signed with a secret of this command's own. What is not taken is told,
//! and not tried again: whoever develops a receiver wants the next event, not the last mistake once more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clap::Args;
use interflow_application::webhook::{Numbering, Outcome as Limits, delivery_id, signing};
use interflow_domain::webhook::{Secret, Signing};
use interflow_domain::{DeliveryId, EventId, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ureq::Agent;
use ureq::http::Request;
use ureq::http::header::CONTENT_TYPE;
use url::Url;
use uuid::Uuid;

use super::Outcome;
use super::client::{Answer, Call, Client, Data};
use super::failure::Failure;
use super::screen::{Screen, Tone};
use super::watch::Patience;
use super::words::{clean, local, string, text, time};

/// How long the server may wait for something to happen, in seconds.
const WAIT: u32 = 15;
/// How many events are asked for at a time.
const PART: u32 = 100;

/// What to listen to, and where to forward it.
#[derive(Debug, Args)]
pub struct Order {
    /// Where each event is posted to, for example http://localhost:3001/webhook; nowhere when left out
    #[arg(long, value_name = "URL")]
    forward_to: Option<Url>,
    /// The types of events, with `*` for any run of characters (`message.*`); may be repeated, or separated by commas
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    events: Vec<String>,
    /// Those of a channel, by its name or id
    #[arg(long)]
    channel: Option<String>,
    /// Those after a position of the log, 0 for all there were [default: what happens from now on]
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// What is forwarded is signed with [env: INTERFLOW_WEBHOOK_SECRET] [default: a new secret, which is shown]
    #[arg(long, value_name = "SECRET")]
    secret: Option<crate::config::Secret>,
}

pub async fn run(client: &Client, screen: Screen, order: Order) -> Outcome {
    let mut query = vec![("limit", PART.to_string())];
    query.extend(order.events.iter().map(|glob| ("types", glob.clone())));
    query.extend(order.channel.map(|channel| ("channel_id", channel)));
    let after = match order.after {
        Some(position) => position,
        None => end(client, &query).await?,
    };
    let mut forwarder = match order.forward_to {
        Some(url) => Some(Forwarder::new(url, secret(order.secret)?)),
        None => None,
    };
    if let Some(forwarder) = &forwarder {
        screen.remark(&format!("Forwarding to {}", forwarder.url));
        screen.remark(&format!("Signing secret: {}", forwarder.secret.expose()));
    }
    screen.remark("Listening. Ctrl-C ends it.");
    follow(client, screen, query, after, &mut forwarder).await
}

/// The position of the log's end. What is wrong with the filters is said here.
async fn end(client: &Client, query: &[(&str, String)]) -> Result<u64, Failure> {
    let query = [query, &[("after", "end".to_owned())]].concat();
    let answer = client.call(Call { path: &["events"], query: &query, ..Call::default() }).await?;
    Ok(position(answer.entries(client)?.1.next_after, 0))
}

fn position(next_after: Option<u64>, known: u64) -> u64 {
    next_after.unwrap_or(known).max(known)
}

async fn follow(
    client: &Client,
    screen: Screen,
    query: Vec<(&str, String)>,
    mut after: u64,
    forwarder: &mut Option<Forwarder>,
) -> Outcome {
    let mut patience = Patience::new(screen);
    loop {
        let asked = [("after", after.to_string()), ("wait", WAIT.to_string())];
        let query = [query.as_slice(), &asked].concat();
        let answered = client.call(Call { path: &["events"], query: &query, ..Call::default() }).await;
        let Some(answer) = patience.bear(answered, None).await? else { continue };
        let Answer { now, .. } = answer;
        let (events, meta) = answer.entries(client)?;
        for event in &events {
            let told = match forwarder {
                Some(forwarder) => Some(forwarder.forward(client, event, now).await?),
                None => None,
            };
            show(screen, event, told)?;
        }
        after = position(meta.next_after, after);
    }
}

fn show(screen: Screen, event: &Data, told: Option<Told>) -> Outcome {
    if screen.json {
        return screen.data(event);
    }
    let event = &event.value;
    let at = time(event, "/timestamp").map_or_else(String::new, local);
    let what = format!("{at}  {:<24}  {:<30}", text(event, "/type"), lane(event));
    match told {
        Some(told) => screen.line(&format!("{what}  {}", screen.paint(&told.text, told.tone))),
        None => screen.line(what.trim_end()),
    }
}

/// What an event is in order with: its chat, or what it happened to.
fn lane(event: &serde_json::Value) -> String {
    clean(string(event, "/data/chat_id").or_else(|| string(event, "/data/id")).unwrap_or_default())
}

fn secret(given: Option<crate::config::Secret>) -> Result<Secret, Failure> {
    let from_environment = || std::env::var("INTERFLOW_WEBHOOK_SECRET").ok();
    let given = given.map(|secret| secret.expose().to_owned()).or_else(from_environment);
    let wrong = |error: interflow_domain::InvalidValue| Failure::Usage(format!("the secret {error}"));
    match given.filter(|text| !text.trim().is_empty()) {
        Some(text) => {
            let secret: Secret = text.trim().parse().map_err(wrong)?;
            signing::check(&secret).map_err(wrong)?;
            Ok(secret)
        }
        None => signing::new_secret(Signing::Hmac).map_err(wrong),
    }
}

/// An event as the feed has it.
#[derive(Deserialize)]
struct Fed<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// A body as the format `standard` has it.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: &'a str,
    data: &'a RawValue,
    sequence: u64,
    previous_sequence: Option<u64>,
}

/// What the receiver said.
struct Told {
    text: String,
    tone: Tone,
}

/// Posts events as an endpoint gets them.
struct Forwarder {
    agent: Agent,
    url: Url,
    secret: Secret,
    /// This command, as the endpoint it stands for.
    webhook: WebhookId,
    sequences: HashMap<String, u64>,
}

impl Forwarder {
    fn new(url: Url, secret: Secret) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(Limits::CONNECT_TIMEOUT))
            .timeout_global(Some(Limits::TOTAL_TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("interflow/", env!("CARGO_PKG_VERSION")));
        let webhook = WebhookId::new(Uuid::from_u128(rand::random()));
        Self { agent: config.build().into(), url, secret, webhook, sequences: HashMap::new() }
    }

    async fn forward(
        &mut self,
        client: &Client,
        event: &Data,
        now: Option<DateTime<Utc>>,
    ) -> Result<Told, Failure> {
        let fed: Fed<'_> =
            serde_json::from_str(event.raw()).map_err(|_| client.foreign("an event of another shape"))?;
        let sequence = self.sequences.entry(lane(&event.value)).or_default();
        *sequence += 1;
        let Numbering { sequence, previous } = Numbering::nth(*sequence);
        let body = Body {
            kind: fed.kind,
            timestamp: fed.timestamp,
            data: fed.data,
            sequence,
            previous_sequence: previous,
        };
        let body = serde_json::to_vec(&body).map_err(|error| Failure::Failed(error.to_string()))?;
        // The server's clock, by which it signs as well; its answer came just now.
        let at = now.ok_or_else(|| client.foreign("an answer without a date"))?;
        let request = self.request(delivery_id(self.webhook, fed.id), at, body)?;
        let agent = self.agent.clone();
        let begin = Instant::now();
        let sent = tokio::task::spawn_blocking(move || post(&agent, request)).await;
        let sent = sent.map_err(|_| Failure::Failed("the event could not be forwarded".to_owned()))?;
        Ok(Told::new(sent, begin.elapsed()))
    }

    fn request(&self, id: DeliveryId, at: DateTime<Utc>, body: Vec<u8>) -> Result<Request<Vec<u8>>, Failure> {
        let mut request = Request::builder().method("POST").uri(self.url.as_str());
        for (name, value) in signing::headers(&[&self.secret], id, at, &body) {
            request = request.header(name, value);
        }
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        request.map_err(|error| Failure::Usage(format!("nothing can be forwarded there: {error}")))
    }
}

/// The status, once the answer's body is read as far as a server reads it.
fn post(agent: &Agent, request: Request<Vec<u8>>) -> Result<u16, ureq::Error> {
    let answer = agent.run(request)?;
    let status = answer.status().as_u16();
    let read = answer.into_body().with_config().limit(Limits::MAX_BODY_BYTES as u64).read_to_vec();
    match read {
        Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)) => Ok(status),
        Err(error) => Err(error),
    }
}

impl Told {
    fn new(sent: Result<u16, ureq::Error>, took: Duration) -> Self {
        let took = took.as_millis();
        match sent {
            Ok(status @ 200..=299) => Self { text: format!("→ {status} in {took} ms"), tone: Tone::Good },
            Ok(status) => Self { text: format!("→ {status} in {took} ms"), tone: Tone::Bad },
            Err(error) => Self { text: format!("→ {}", clean(&error.to_string())), tone: Tone::Bad },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_forwarded_in_the_words_and_with_the_signature_of_a_webhook() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let forwarder = Forwarder::new("http://localhost:3001/hook".parse().unwrap(), secret);
        let id = delivery_id(forwarder.webhook, EventId::new(Uuid::from_u128(1)));
        let request = forwarder.request(id, DateTime::UNIX_EPOCH, b"{}".to_vec()).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!(header("webhook-id"), id.to_string());
        assert_eq!(header("webhook-timestamp"), "0");
        assert!(header("webhook-signature").starts_with("v1,"));
        assert_eq!((request.uri().path(), header("content-type")), ("/hook", "application/json"));
    }

    #[test]
    fn events_stand_in_line_with_their_chat_or_what_they_happened_to() {
        assert_eq!(lane(&json!({"data": {"id": "msg_1", "chat_id": "cht_1"}})), "cht_1");
        assert_eq!(lane(&json!({"data": {"id": "cht_1", "customer_id": "cus_1"}})), "cht_1");
    }

    #[test]
    fn a_secret_that_is_none_is_refused_before_anything_is_forwarded() {
        assert!(matches!(secret(Some("whsec_short".into())), Err(Failure::Usage(_))));
        assert_eq!(secret(None).unwrap().signing(), Signing::Hmac);
    }
}
