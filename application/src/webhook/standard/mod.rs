//! The format `standard`: Standard Webhooks 1.0, with the resources of the Interflow API as data.
//!
//! `{"type","timestamp","data","sequence","previous_sequence"}`. Fields stand in the order of the structs here and are
//! never left out; keys of free fields are sorted. What a schema version makes of an event is frozen: a change of these
//! structs that a receiver could see is a new version beside this one.

mod data;

use serde::Serialize;

use super::catalogue;
use super::{Materials, Numbering};
pub use data::{Data, data};

/// The versions of bodies that can be made.
pub const VERSIONS: [u16; 1] = [1];

#[derive(Serialize)]
struct Body<'m> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: data::Data<'m>,
    sequence: u64,
    previous_sequence: Option<u64>,
}

/// The body of a delivery; nothing for an event that is told to nobody, or in a version that there is not.
#[must_use]
pub fn body(materials: &Materials, numbering: Numbering, schema_version: u16) -> Option<String> {
    if !VERSIONS.contains(&schema_version) {
        return None;
    }
    let public = catalogue::public_type(&materials.recorded.event)?;
    let body = Body {
        kind: public.name(),
        timestamp: data::time(materials.recorded.recorded_at),
        data: data(materials),
        sequence: numbering.sequence,
        previous_sequence: numbering.previous,
    };
    serde_json::to_string(&body).ok()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
