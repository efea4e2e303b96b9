use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Description, EventPattern, Format, HeaderName, HeaderValue, RateLimit, RetrySchedule, WebhookError,
    WebhookUrl,
};
use crate::{InstanceId, Personal, Subject, WebhookId};

/// What a caller says of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsDraft {
    /// Where deliveries go, in the form in which two addresses are compared.
    pub url: WebhookUrl,
    /// What it is for.
    pub description: Option<Description>,
    /// What a body looks like.
    pub format: Format,
    /// Which version of the bodies it gets, from 1. Bodies of a version never change.
    pub schema_version: u16,
    /// The types of events it wants, by the names of its format; empty means all. At most
    /// [`SettingsDraft::MAX_EVENTS`].
    pub events: BTreeSet<EventPattern>,
    /// The instances whose events it wants; empty means the whole workspace. At most [`SettingsDraft::MAX_CHANNELS`].
    pub channels: BTreeSet<InstanceId>,
    /// Headers of its own. At most [`SettingsDraft::MAX_HEADERS`].
    pub headers: BTreeMap<HeaderName, HeaderValue>,
    /// Most deliveries a second; absent means as fast as they can be made.
    pub rate_limit: Option<RateLimit>,
    /// When a delivery is tried; absent means as Standard Webhooks recommends.
    pub schedule: Option<RetrySchedule>,
    /// Whether the event's name is appended to the address; of the format `evolution` alone.
    pub by_events: bool,
}

impl SettingsDraft {
    /// Most patterns of event types.
    pub const MAX_EVENTS: usize = 50;
    /// Most instances in a filter.
    pub const MAX_CHANNELS: usize = 100;
    /// Most headers of its own.
    pub const MAX_HEADERS: usize = 20;

    /// Whether it keeps its bounds.
    pub(super) fn check(&self) -> Result<(), WebhookError> {
        if self.events.len() > Self::MAX_EVENTS {
            return Err(WebhookError::TooManyEvents);
        }
        if self.channels.len() > Self::MAX_CHANNELS {
            return Err(WebhookError::TooManyChannels);
        }
        if self.headers.len() > Self::MAX_HEADERS {
            return Err(WebhookError::TooManyHeaders);
        }
        if self.by_events && self.format != Format::Evolution {
            return Err(WebhookError::ByEventsNeedsEvolution);
        }
        Ok(())
    }

    /// The draft as the settings of an endpoint, what is secret sealed as its own.
    #[must_use]
    pub fn belonging_to(self, webhook: WebhookId) -> Settings {
        let subject = Subject::Webhook(webhook);
        Settings {
            url: Personal::new(subject, self.url),
            description: self.description,
            format: self.format,
            schema_version: self.schema_version,
            events: self.events,
            channels: self.channels,
            headers: (!self.headers.is_empty()).then(|| Personal::new(subject, self.headers)),
            rate_limit: self.rate_limit,
            schedule: self.schedule,
            by_events: self.by_events,
        }
    }
}

/// The settings of an endpoint; each field as in [`SettingsDraft`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Where deliveries go.
    pub url: Personal<WebhookUrl>,
    /// What it is for.
    pub description: Option<Description>,
    /// What a body looks like.
    pub format: Format,
    /// Which version of the bodies it gets.
    pub schema_version: u16,
    /// The types of events it wants; empty means all.
    pub events: BTreeSet<EventPattern>,
    /// The instances whose events it wants; empty means the whole workspace.
    pub channels: BTreeSet<InstanceId>,
    /// Headers of its own.
    pub headers: Option<Personal<BTreeMap<HeaderName, HeaderValue>>>,
    /// Most deliveries a second.
    pub rate_limit: Option<RateLimit>,
    /// When a delivery is tried.
    pub schedule: Option<RetrySchedule>,
    /// Whether the event's name is appended to the address.
    pub by_events: bool,
}

impl Settings {
    /// The settings as a caller would say them; nothing once the address was erased.
    #[must_use]
    pub fn draft(&self) -> Option<SettingsDraft> {
        let headers = self.headers.as_ref().and_then(Personal::get).cloned();
        Some(SettingsDraft {
            url: self.url.get()?.clone(),
            description: self.description.clone(),
            format: self.format,
            schema_version: self.schema_version,
            events: self.events.clone(),
            channels: self.channels.clone(),
            headers: headers.unwrap_or_default(),
            rate_limit: self.rate_limit,
            schedule: self.schedule.clone(),
            by_events: self.by_events,
        })
    }
}
