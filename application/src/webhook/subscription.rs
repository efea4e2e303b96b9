//! What an endpoint wants to be told.

use interflow_domain::webhook::{Format, Settings};

use super::catalogue::{self, PublicType};
use super::evolution::EvolutionType;
use super::{Glob, Placement};
use crate::log::Event;

/// What an endpoint wants to be told: types of events, and channels.
#[derive(Debug, Clone, Copy)]
pub struct Subscription<'s>(&'s Settings);

impl<'s> Subscription<'s> {
    /// The subscription of these settings.
    #[must_use]
    pub const fn new(settings: &'s Settings) -> Self {
        Self(settings)
    }

    /// The name of the type by which the endpoint is told of an event; nothing when it is not told, whatever the
    /// event's channel.
    #[must_use]
    pub fn event_type(self, event: &Event) -> Option<&'static str> {
        let name = match self.0.format {
            Format::Standard => catalogue::public_type(event).map(PublicType::name),
            Format::Evolution => EvolutionType::of(event).map(EvolutionType::name),
        }?;
        let patterns = &self.0.events;
        let wanted = patterns.is_empty() || patterns.iter().any(|pattern| Glob::new(pattern).matches(name));
        wanted.then_some(name)
    }

    /// Whether the endpoint is told of what happens there. One that is filtered by channels is told of nothing that
    /// belongs to no channel: neither of customers nor of webhooks.
    #[must_use]
    pub fn covers(self, placement: Placement) -> bool {
        let channels = &self.0.channels;
        channels.is_empty() || placement.instance.is_some_and(|instance| channels.contains(&instance))
    }
}
