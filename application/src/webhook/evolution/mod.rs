//! The format `evolution`: the events of Evolution API v2, with exactly its fields.
//!
//! The envelope is `{"event","instance","data","destination","date_time","sender","server_url","apikey"}`. What differs
//! from that server, on purpose: `date_time` is when it happened and not when it was sent; `apikey` is always null, for
//! a key has no place in a body; a QR's string is never in the log, so `qrcode.updated` says that there is a new one
//! (`code` and `base64` are null) and `/instance/connect` has it; what was erased is absent and `erased:true` says so.
//! Customers belong to the workspace and to no instance: `contacts.*` carry an empty `instance`.

mod data;
mod names;

use chrono::SecondsFormat;
use serde::Serialize;

use super::Materials;
use super::materials::Subject;
use super::portrait::{ChannelPortrait, Known};
pub use names::EvolutionType;

/// The header that holds the delivery's number: bodies of this format have no field for it.
pub const SEQUENCE_HEADER: &str = "webhook-sequence";
/// The header that holds the number before it; absent for the first.
pub const PREVIOUS_SEQUENCE_HEADER: &str = "webhook-previous-sequence";

/// The versions of bodies that can be made.
pub const VERSIONS: [u16; 1] = [1];

#[derive(Serialize)]
struct Envelope<'m> {
    event: &'static str,
    instance: &'m str,
    data: data::Data<'m>,
    destination: &'m str,
    date_time: String,
    sender: Option<String>,
    server_url: &'m str,
    apikey: Option<&'static str>,
}

/// The body of a delivery; nothing for an event that this format does not tell, or in a version that there is not.
///
/// `destination` is the address it is sent to.
#[must_use]
pub fn body(
    materials: &Materials,
    destination: &str,
    server_url: &str,
    schema_version: u16,
) -> Option<String> {
    if !VERSIONS.contains(&schema_version) {
        return None;
    }
    let channel = channel(materials);
    let told_as = EvolutionType::of(&materials.recorded.event)?;
    let envelope = Envelope {
        event: told_as.name(),
        instance: channel.map_or("", |channel| channel.name.as_str()),
        data: data::data(told_as, materials)?,
        destination,
        date_time: materials.recorded.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        sender: channel.and_then(own_jid),
        server_url,
        apikey: None,
    };
    serde_json::to_string(&envelope).ok()
}

/// The channel of a message or chat, or the channel it is about.
fn channel(materials: &Materials) -> Option<&ChannelPortrait> {
    match &materials.subject {
        Subject::Channel(own) => Some(own),
        _ => materials.channel.as_ref(),
    }
}

fn own_jid(channel: &ChannelPortrait) -> Option<String> {
    jid(&channel.phone, "s.whatsapp.net")
}

fn jid(user: &Known<String>, server: &str) -> Option<String> {
    user.get().map(|user| format!("{user}@{server}"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
