//! `GET /v1/channels/{channel}/qr`: the QR of the moment, as a string or drawn.

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use interflow_application::{ChannelRef, FieldError};
use interflow_domain::InstanceId;
use interflow_domain::workspace::Scope;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::auth::called;
use crate::envelope;
use crate::error::ApiError;
use crate::extract::{Call, InPath};
use crate::openapi::{queries, values};
use crate::qr::Drawing;
use crate::router::Guard;
use crate::state::App;
use crate::time::Timestamp;

pub(super) fn routes(guard: Guard<'_>) -> Router<App> {
    Router::new().route("/channels/{channel}/qr", guard.reads(Scope::ChannelsRead, get(show)))
}

/// What this file adds to the API's description.
#[derive(OpenApi)]
#[openapi(paths(show))]
pub(in crate::rest::v1) struct Doc;

/// Whoever has the QR may link the channel to any account, so no cache keeps it.
#[utoipa::path(
    get,
    path = "/v1/channels/{channel}/qr",
    tag = "Channels",
    operation_id = "getChannelQr",
    summary = "Get the QR of the moment",
    description = "It changes every 20 to 60 seconds.",
    params(queries::QrQuery),
    responses((
            status = 200,
            content((Qr = "application/json"), (String = "image/png"), (String = "image/svg+xml"), (String = "text/plain"))
        ),
        (status = 409, description = "There is nothing to scan")),
    security(("key" = ["channels:read"]))
)]
async fn show(
    State(app): State<App>,
    call: Call,
    InPath(channel): InPath<ChannelRef>,
    format: Format,
) -> Result<Response, ApiError> {
    let (channel, shown) = app.gateway.qr(&call.context, &channel).await?;
    let drawn = |content_type, body: Vec<u8>| ([(header::CONTENT_TYPE, content_type)], body).into_response();
    let mut response = match format {
        Format::Json => {
            envelope::ok(Qr { channel_id: channel.id, qr: shown.code, expires_at: shown.expires_at.into() })
        }
        Format::Png => drawn("image/png", Drawing::of(&shown.code)?.png()?),
        Format::Svg => drawn("image/svg+xml", Drawing::of(&shown.code)?.svg().into_bytes()),
        Format::Text => drawn("text/plain; charset=utf-8", Drawing::of(&shown.code)?.text().into_bytes()),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    Ok(called(channel.id, response))
}

#[derive(Serialize, ToSchema)]
struct Qr {
    #[schema(value_type = values::ChannelId)]
    channel_id: InstanceId,
    qr: String,
    expires_at: Timestamp,
}

/// How it is wanted: by `?format=`, else by `Accept`, else as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Png,
    Svg,
    Text,
}

const UNKNOWN: &str = "must be json, png, svg or text";

impl FromRequestParts<App> for Format {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let asked = asked(parts.uri.query().unwrap_or_default())?;
        Ok(asked.or_else(|| accepted(&parts.headers)).unwrap_or(Self::Json))
    }
}

fn asked(query: &str) -> Result<Option<Format>, ApiError> {
    let (mut format, mut problems) = (None, vec![]);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "format" {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            problems.push(FieldError::new(shown, "Unknown query parameter"));
        } else if format.is_some() {
            problems.push(FieldError::new(&*name, "must be given once"));
        } else {
            format = Some(match &*value {
                "json" => Format::Json,
                "png" => Format::Png,
                "svg" => Format::Svg,
                "text" => Format::Text,
                _ => {
                    problems.push(FieldError::new(&*name, UNKNOWN));
                    continue;
                }
            });
        }
    }
    match problems.first() {
        None => Ok(format),
        Some(first) if first.message.starts_with("must ") => {
            Err(ApiError::invalid(format!("The '{}' parameter {}", first.field, first.message), problems))
        }
        Some(first) => Err(ApiError::invalid(format!("{}: '{}'", first.message, first.field), problems)),
    }
}

/// What is liked best of what we have; of what is liked the same, what is named first.
fn accepted(headers: &HeaderMap) -> Option<Format> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best: Option<(f32, Format)> = None;
    for (quality, format) in values.flat_map(|value| value.split(',')).filter_map(liked) {
        if quality > best.map_or(0.0, |(liked, _)| liked) {
            best = Some((quality, format));
        }
    }
    best.map(|(_, format)| format)
}

fn liked(range: &str) -> Option<(f32, Format)> {
    let mut parts = range.split(';').map(str::trim);
    let format = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" | "application/*" | "*/*" => Format::Json,
        "image/png" | "image/*" => Format::Png,
        "image/svg+xml" => Format::Svg,
        "text/plain" | "text/*" => Format::Text,
        _ => return None,
    };
    let quality = parts.find_map(|part| part.strip_prefix("q="));
    Some((quality.map_or(Some(1.0), |quality| quality.parse().ok())?, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(value: &'static str) -> Option<Format> {
        accepted(&[(header::ACCEPT, HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn what_is_liked_best_is_drawn() {
        assert_eq!(accepts("*/*"), Some(Format::Json));
        assert_eq!(accepts("image/png"), Some(Format::Png));
        assert_eq!(accepts("text/plain;q=0.5, image/svg+xml ; q=0.9"), Some(Format::Svg));
        assert_eq!(accepts("image/avif,image/webp,image/*,*/*;q=0.8"), Some(Format::Png));
        assert_eq!(accepts("text/html,application/xhtml+xml,*/*;q=0.8"), Some(Format::Json));
        assert_eq!(accepts("image/png;q=0, text/*"), Some(Format::Text));
        for nothing in ["", "text/html", "image/png;q=x", "image/png;q=0"] {
            assert_eq!(accepts(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_format_is_one_of_four_and_given_once() {
        assert_eq!(asked(""), Ok(None));
        assert_eq!(asked("format=svg"), Ok(Some(Format::Svg)));
        for query in ["format=gif", "format=", "format=png&format=png", "size=5", "format=png&x=1"] {
            assert!(asked(query).is_err(), "{query}");
        }
    }
}
