//! The feed: public events by their position, for whoever asks rather than being told.
//!
//! It says what endpoints are told, in the words of the format `standard`, to a caller that keeps its own place. It
//! numbers nothing: positions are unique and grow, and what lies between two of them was told to nobody, or was not
//! asked for.

use std::collections::BTreeSet;

use interflow_domain::webhook::EventPattern;
use interflow_domain::{InstanceId, WorkspaceId};

use super::catalogue::{self, PublicType};
use super::{Glob, Materials};
use crate::log::{EventLog, LogError};

/// Which part of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRequest {
    /// After which position; 0 is before the first.
    pub after: u64,
    /// At most so many events, 1 to [`FeedRequest::MAX_LIMIT`].
    pub limit: u32,
    /// Of these types; empty means all.
    pub types: BTreeSet<EventPattern>,
    /// Of this instance, its chats and its messages; absent means of the whole workspace.
    pub channel: Option<InstanceId>,
}

/// Part of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// The events, in order.
    pub events: Vec<FeedEvent>,
    /// Up to where the log was looked through: the next part begins after it.
    pub next_after: u64,
    /// Whether the log goes on beyond it.
    pub has_more: bool,
}

/// An event as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// What it is told as.
    pub public: PublicType,
    /// What was known when it was recorded.
    pub materials: Materials,
}

impl FeedRequest {
    /// Most events of a part.
    pub const MAX_LIMIT: u32 = 100;
    /// How many events of the log are looked through for one part, so that a rare type keeps nobody waiting.
    const MAX_LOOKED_THROUGH: u32 = 2_000;
    /// How many of them are read at once.
    const READ_AT_ONCE: u32 = 200;

    fn wants(&self, public: PublicType) -> bool {
        let mut patterns = self.types.iter();
        self.types.is_empty() || patterns.any(|pattern| Glob::new(pattern).matches(public.name()))
    }

    fn covers(&self, materials: &Materials) -> bool {
        self.channel.is_none_or(|channel| materials.instance() == Some(channel))
    }
}

/// Reads a part of a workspace's feed.
pub async fn feed(
    log: &dyn EventLog,
    workspace: WorkspaceId,
    request: &FeedRequest,
) -> Result<FeedPage, LogError> {
    let mut page = FeedPage { events: vec![], next_after: request.after, has_more: true };
    let limit = request.limit.clamp(1, FeedRequest::MAX_LIMIT) as usize;
    for _ in 0..FeedRequest::MAX_LOOKED_THROUGH / FeedRequest::READ_AT_ONCE {
        let recorded = log.read(workspace, page.next_after, FeedRequest::READ_AT_ONCE).await?;
        let is_last = recorded.len() < FeedRequest::READ_AT_ONCE as usize;
        let end = recorded.last().map(|last| last.position);
        for recorded in recorded {
            let position = recorded.position;
            if let Some(public) =
                catalogue::public_type(&recorded.event).filter(|public| request.wants(*public))
                && let Some(materials) = Materials::gather(log, workspace, recorded).await?
                && request.covers(&materials)
            {
                page.events.push(FeedEvent { public, materials });
            }
            page.next_after = position;
            if page.events.len() == limit {
                page.has_more = !is_last || Some(position) != end;
                return Ok(page);
            }
        }
        if is_last {
            page.has_more = false;
            break;
        }
    }
    Ok(page)
}
