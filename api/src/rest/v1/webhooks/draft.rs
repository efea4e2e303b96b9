//! What a caller says of an endpoint.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use interflow_application::webhook::{LATEST_SCHEMA, patterns, ports, url};
use interflow_application::{ChannelRef, FieldError, RotateWebhookSecret, WebhookPatch};
use interflow_domain::webhook::{
    EventPattern, Format, HeaderName, HeaderValue, RateLimit, RetrySchedule, SettingsDraft, Signing,
    StartFrom, WebhookUrl,
};
use serde_json::Value;

use crate::error::ApiError;
use crate::extract::{Form, FromForm};
use crate::state::Webhooks;
use crate::time::Timestamp;

const URL: &str = "url";

/// A form with an address that may have to be looked up before it can be judged. Whatever else is wrong is named
/// together with it.
pub(crate) struct Unjudged<T> {
    url: Option<String>,
    read: Result<T, ApiError>,
}

impl<T: FromForm> FromForm for Unjudged<T> {
    fn from_form(form: &mut Form) -> Option<Self> {
        let fields = form.rest();
        let url = fields.get(URL).and_then(Value::as_str).map(str::to_owned);
        Some(Self { url, read: Form::read(fields) })
    }
}

impl<T: HasUrl> Unjudged<T> {
    /// The form, once its address is found to be one where deliveries may go.
    pub(crate) async fn judge(self, webhooks: &Webhooks) -> Result<T, ApiError> {
        let Some(text) = self.url.filter(|text| is_judgeable(text)) else { return self.read };
        let target = ports::judge(&text, &webhooks.policy, &*webhooks.resolver).await;
        match (self.read, target) {
            (Ok(read), Ok(target)) => Ok(read.with(target.url)),
            (Err(error), Ok(_)) => Err(error),
            (read, Err(refusal)) => {
                let mut details = vec![FieldError::new(URL, refusal)];
                details.extend(read.err().iter().flat_map(|error| error.details().iter().cloned()));
                Err(ApiError::invalid(format!("The '{URL}' field {refusal}"), details))
            }
        }
    }
}

/// What has an address.
pub(crate) trait HasUrl {
    /// With the address in the form in which two are compared.
    fn with(self, url: WebhookUrl) -> Self;
}

/// Whether an address is one at all; what is not, the form has said.
fn is_judgeable(text: &str) -> bool {
    read_url(text).is_ok()
}

fn read_url(text: &str) -> Result<WebhookUrl, url::UrlError> {
    url::parse(text, &url::UrlPolicy::exempt()).map(|target| target.url)
}

/// A new endpoint.
pub(crate) struct Draft {
    pub settings: SettingsDraft,
    pub channels: Vec<ChannelRef>,
    pub signing: Signing,
    pub start_from: StartFrom,
}

impl HasUrl for Draft {
    fn with(self, url: WebhookUrl) -> Self {
        Self { settings: SettingsDraft { url, ..self.settings }, ..self }
    }
}

impl FromForm for Draft {
    fn from_form(form: &mut Form) -> Option<Self> {
        let url = form.required::<String>(URL).and_then(|text| address(form, &text));
        let description = form.optional("description");
        let format =
            named(form, "format", &[("standard", Format::Standard), ("evolution", Format::Evolution)]);
        let events = match &format {
            Some(format) => events(form, format.unwrap_or(Format::Standard)),
            // Which types there are is not known, so nothing is said of them.
            None => {
                form.ignore("events");
                None
            }
        };
        let channels = channels(form);
        let signing = named(form, "signing", &[("hmac", Signing::Hmac), ("ed25519", Signing::Ed25519)]);
        let headers = headers(form);
        let rate_limit = rate_limit(form);
        let schedule = schedule(form);
        let start_from = start_from(form);
        let schema_version = schema_version(form);
        let by_events = form.flag("by_events");
        let format = format?.unwrap_or(Format::Standard);
        if by_events == Some(Some(true)) && format != Format::Evolution {
            return form.wrong("by_events", "needs the format 'evolution'");
        }
        let settings = SettingsDraft {
            url: url?,
            description: description?,
            format,
            schema_version: schema_version?.unwrap_or(LATEST_SCHEMA),
            events: events?.unwrap_or_default(),
            channels: BTreeSet::new(),
            headers: headers?.unwrap_or_default(),
            rate_limit: rate_limit?,
            schedule: schedule?,
            by_events: by_events?.unwrap_or(false),
        };
        let (channels, signing) = (channels?.unwrap_or_default(), signing?.unwrap_or(Signing::Hmac));
        Some(Self { settings, channels, signing, start_from: start_from? })
    }
}

/// What is to change of an endpoint. Its types of events are known once its format is.
pub(crate) struct Change {
    patch: WebhookPatch,
    events: Option<Vec<String>>,
}

impl HasUrl for Change {
    fn with(self, url: WebhookUrl) -> Self {
        Self { patch: WebhookPatch { url: Some(url), ..self.patch }, ..self }
    }
}

impl Change {
    /// The change of an endpoint of this format.
    pub(crate) fn for_format(self, format: Format) -> Result<WebhookPatch, ApiError> {
        let Some(texts) = self.events else { return Ok(self.patch) };
        let events = patterns(format, texts.iter().map(String::as_str)).map_err(|error| {
            let (message, details) = (error.to_string(), FieldError::new("events", error));
            ApiError::invalid(format!("The 'events' field {message}"), vec![details])
        })?;
        Ok(WebhookPatch { events: Some(events), ..self.patch })
    }
}

impl FromForm for Change {
    fn from_form(form: &mut Form) -> Option<Self> {
        let url = match form.change::<String>(URL) {
            Some(Some(None)) => form.wrong(URL, "must not be null"),
            Some(Some(Some(text))) => address(form, &text).map(Some),
            other => other.map(Option::flatten).map(|_| None),
        };
        let description = form.change("description");
        let schema_version = schema_version(form);
        let empties_events = form.names("events");
        let events = form.texts::<String>("events");
        let empties_channels = form.names("channels");
        let channels = channels(form);
        let empties_headers = form.names("headers");
        let headers = headers(form);
        let changes_rate = form.names("rate_limit");
        let rate_limit = rate_limit(form);
        let changes_schedule = form.names("schedule");
        let schedule = schedule(form);
        let by_events = form.flag("by_events");
        let patch = WebhookPatch {
            url: url?,
            description: description?,
            schema_version: schema_version?,
            events: None,
            channels: empties_channels.then_some(channels?.unwrap_or_default()),
            headers: empties_headers.then_some(headers?.unwrap_or_default()),
            rate_limit: changes_rate.then_some(rate_limit?),
            schedule: changes_schedule.then_some(schedule?),
            by_events: by_events?,
        };
        Some(Self { patch, events: empties_events.then_some(events?.unwrap_or_default()) })
    }
}

/// `{"overlap_seconds"?}`: how long the secret before a rotation goes on signing.
pub(crate) struct Overlap(pub TimeDelta);

impl FromForm for Overlap {
    fn from_form(form: &mut Form) -> Option<Self> {
        let longest = RotateWebhookSecret::MAX_OVERLAP.num_seconds().unsigned_abs();
        let seconds = form.number("overlap_seconds", 0..=longest)?;
        Some(Self(
            seconds.map_or(RotateWebhookSecret::OVERLAP, |seconds| TimeDelta::seconds(seconds.cast_signed())),
        ))
    }
}

fn address(form: &mut Form, text: &str) -> Option<WebhookUrl> {
    read_url(text).map_err(|error| form.wrong::<()>(URL, error)).ok()
}

/// One of some names, absent or `null`.
fn named<T: Copy>(form: &mut Form, field: &str, names: &[(&str, T)]) -> Option<Option<T>> {
    let Some(text) = form.optional::<String>(field)? else { return Some(None) };
    match names.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Some(Some(*value)),
        None => {
            let known: Vec<_> = names.iter().map(|(name, _)| format!("'{name}'")).collect();
            form.wrong(field, format!("must be {}", known.join(" or ")))
        }
    }
}

fn events(form: &mut Form, format: Format) -> Option<Option<BTreeSet<EventPattern>>> {
    let Some(texts) = form.texts::<String>("events")? else { return Some(None) };
    match patterns(format, texts.iter().map(String::as_str)) {
        Ok(events) => Some(Some(events)),
        Err(error) => form.wrong("events", error),
    }
}

fn channels(form: &mut Form) -> Option<Option<Vec<ChannelRef>>> {
    let channels = form.texts("channels")?;
    if channels.as_ref().is_some_and(|channels| channels.len() > SettingsDraft::MAX_CHANNELS) {
        return form.wrong("channels", format!("must be at most {} channels", SettingsDraft::MAX_CHANNELS));
    }
    Some(channels)
}

/// Every name and every value that is wrong is named.
fn headers(form: &mut Form) -> Option<Option<BTreeMap<HeaderName, HeaderValue>>> {
    let Some(given) = form.object("headers")? else { return Some(None) };
    let (mut headers, mut all_right) = (BTreeMap::new(), true);
    for (name, value) in given {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        let field = format!("headers.{shown}");
        let read_name = name.parse::<HeaderName>().map_err(|error| form.wrong::<()>(&field, error));
        let read_value = match value {
            Value::String(text) => {
                text.parse::<HeaderValue>().map_err(|error| form.wrong::<()>(&field, error))
            }
            _ => Err(form.wrong(&field, "must be a string")),
        };
        match (read_name, read_value) {
            (Ok(name), Ok(value)) => all_right &= headers.insert(name, value).is_none(),
            _ => all_right = false,
        }
    }
    all_right.then_some(Some(headers))
}

fn rate_limit(form: &mut Form) -> Option<Option<RateLimit>> {
    let Some(per_second) = form.number("rate_limit", 1..=1000)? else { return Some(None) };
    let limit = u16::try_from(per_second).ok().and_then(|per_second| RateLimit::try_new(per_second).ok());
    limit.map(Some)
}

fn schedule(form: &mut Form) -> Option<Option<RetrySchedule>> {
    let Some(given) = form.value("schedule") else { return Some(None) };
    let waits = serde_json::from_value::<Vec<u32>>(given).ok();
    match waits.and_then(|waits| RetrySchedule::try_new(waits).ok()) {
        Some(schedule) => Some(Some(schedule)),
        None => form.wrong("schedule", "must be a list of 1 to 20 waits of 0 to 604800 seconds"),
    }
}

fn schema_version(form: &mut Form) -> Option<Option<u16>> {
    let version = form.number("schema_version", 1..=u64::from(LATEST_SCHEMA))?;
    Some(version.and_then(|version| u16::try_from(version).ok()))
}

/// `"now"`, `{"position": 1}` or `{"time": "2026-01-31T12:00:00Z"}`.
fn start_from(form: &mut Form) -> Option<StartFrom> {
    const RULE: &str = "must be \"now\", {\"position\": a number from 1} or {\"time\": a time in RFC 3339}";
    let Some(given) = form.value("start_from") else { return Some(StartFrom::Now) };
    match position_or_time(&given) {
        _ if given == "now" => Some(StartFrom::Now),
        Some(start) => Some(start),
        None => form.wrong("start_from", RULE),
    }
}

fn position_or_time(given: &Value) -> Option<StartFrom> {
    let fields = given.as_object().filter(|fields| fields.len() == 1)?;
    let position = fields.get("position").and_then(Value::as_u64);
    let position = position.filter(|position| *position > 0 && i64::try_from(*position).is_ok());
    let time = fields.get("time").and_then(Value::as_str).and_then(|text| text.parse().ok());
    position
        .map(|position| StartFrom::Position { position })
        .or_else(|| time.map(|Timestamp(at)| StartFrom::Time { at }))
}
