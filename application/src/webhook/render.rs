//! A delivery as it is sent, but for its signature.

use interflow_domain::webhook::{Format, Settings};
use url::Url;

use super::evolution::{self, EvolutionType};
use super::{Materials, Numbering, standard};
use crate::metadata::TRACEPARENT;

/// What is sent, but for its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Where to: the endpoint's address, with the event's name where it asked for that.
    pub url: String,
    /// The body.
    pub body: String,
    /// The headers that belong to the format; those that the endpoint set itself are not among them.
    pub headers: Vec<(&'static str, String)>,
}

/// A delivery to an endpoint with these settings; nothing for an event that its format does not tell, in a schema
/// version that there is not, or to an endpoint whose address was erased.
///
/// `server_url` is where this server is reached, as the operator says; it appears in bodies of `evolution`. Such a body
/// names the address it is sent to, so it is byte-equal for as long as that stays the same.
#[must_use]
pub fn render(
    settings: &Settings,
    materials: &Materials,
    numbering: Numbering,
    server_url: &str,
) -> Option<Rendered> {
    let url = settings.url.get()?.expose();
    match settings.format {
        Format::Standard => {
            let body = standard::body(materials, numbering, settings.schema_version)?;
            Some(Rendered { url: url.to_owned(), body, headers: beside(materials, vec![]) })
        }
        Format::Evolution => {
            let told_as = EvolutionType::of(&materials.recorded.event)?;
            let url = if settings.by_events { below(url, told_as)? } else { url.to_owned() };
            let body = evolution::body(materials, &url, server_url, settings.schema_version)?;
            let mut headers = vec![(evolution::SEQUENCE_HEADER, numbering.sequence.to_string())];
            headers.extend(
                numbering.previous.map(|number| (evolution::PREVIOUS_SEQUENCE_HEADER, number.to_string())),
            );
            Some(Rendered { url, body, headers: beside(materials, headers) })
        }
    }
}

/// What the body is, and which span of which trace recorded the event.
fn beside(materials: &Materials, own: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let trace = materials.recorded.metadata.trace();
    let trace = trace.map(|trace| (TRACEPARENT, trace.to_string()));
    [("content-type", "application/json".to_owned())].into_iter().chain(trace).chain(own).collect()
}

/// The address below which an endpoint has one for each event.
fn below(url: &str, told_as: EvolutionType) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().push(&told_as.path_segment());
    Some(url.into())
}
