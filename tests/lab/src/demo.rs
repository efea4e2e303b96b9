//! The main job, played step by step for a person. Any step that fails ends it with an error.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::out;
use crate::person::{Failure, Person};

const CHANNEL: &str = "demo";
const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

/// Plays it.
pub async fn play(person: &Person) -> Result<(), Failure> {
    out::step(1, "A number is connected: POST /api/whatsapp/connect");
    let connected = person.post("/api/whatsapp/connect", json!({"instanceName": CHANNEL})).await?;
    let qr = text(&connected["qrcode"])?;
    out::qr(qr)?;

    out::step(2, "The shop's phone scans the QR");
    person.scan(qr, SHOP, "Demo Shop").await?;
    let begin = Instant::now();
    let status = format!("/api/whatsapp/status/{CHANNEL}");
    person.until(&status, |seen| seen["instance"]["status"] == "open").await?;
    out::line(format_args!("   the channel is open, {} ms after the scan", begin.elapsed().as_millis()));

    out::step(3, "A message goes out: POST /v1/messages/send");
    let body = json!({"channel_id": CHANNEL, "to": ANA, "type": "text", "content": {"text": "Hello Ana, your order is ready."}});
    let sent = person.post("/v1/messages/send", body).await?;
    let message = text(&sent["data"]["id"])?.to_owned();
    out::line(format_args!("   {message} is {}", text(&sent["data"]["status"])?));

    out::step(4, "Ana's phone receives, decrypts and reads it");
    let mut shown = String::new();
    let path = format!("/v1/messages/{message}");
    let begin = Instant::now();
    while shown != "read" {
        let status = text(&person.get(&path).await?["data"]["status"])?.to_owned();
        if status != shown {
            out::line(format_args!("   status: {status}"));
            shown = status;
        }
        if begin.elapsed() > Duration::from_secs(10) {
            return Err("the message was not read within ten seconds".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for received in person.received(ANA).await? {
        out::line(format_args!("   on Ana's phone: “{}”", text(&received["text"])?));
    }

    out::step(5, "Ana answers");
    let body = json!({"from": ANA, "name": "Ana", "to": SHOP, "text": "Great, I am on my way!"});
    person.phone("/messages", body).await?;
    let chat = text(&person.get(&path).await?["data"]["chat_id"])?.to_owned();
    let messages = format!("/v1/chats/{chat}/messages");
    let conversation =
        person.until(&messages, |seen| seen["data"].as_array().is_some_and(|all| all.len() == 2)).await?;

    out::step(6, "The conversation: GET /v1/chats/{id}/messages");
    let mut lines: Vec<&Value> =
        conversation["data"].as_array().map(|all| all.iter().collect()).unwrap_or_default();
    lines.reverse();
    for message in lines {
        let who = if message["direction"] == "inbound" { "Ana" } else { "Shop" };
        out::line(format_args!(
            "   {who:>5}: {} ({})",
            text(&message["content"]["text"])?,
            text(&message["status"])?
        ));
    }
    let customers = person.get("/v1/customers").await?;
    for customer in customers["data"].as_array().into_iter().flatten() {
        out::line(format_args!(
            "   customer {} is {}, {}",
            text(&customer["id"])?,
            text(&customer["name"])?,
            text(&customer["phone"])?
        ));
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| format!("expected a text, found {value}").into())
}

/// Shows the events behind what was played.
pub async fn show_events(core: &interflow_application::Core) -> Result<(), Failure> {
    out::step(7, "The events behind it, one gap-free log");
    let workspace = interflow_application::workspace_id(&"default".parse()?);
    let events = core.log.read(workspace, 0, 1000).await?;
    for (event, position) in events.iter().zip(1..) {
        if event.position != position {
            return Err(format!("the log has a gap before position {}", event.position).into());
        }
        let at = event.recorded_at.format("%H:%M:%S%.3f");
        out::line(format_args!(
            "   {:>3}  {at}  {:<24} {}",
            event.position,
            event.event.event_type(),
            event.stream.aggregate_id()
        ));
    }
    Ok(())
}
