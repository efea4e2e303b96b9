//! What is remembered of a stream: what it amounted to at some place in it, and the events after that.
//!
//! Deliveries go forward, so the place moves on with them and a stream of any length costs what is new of it. Whoever
//! asks for what was before the place reads the stream anew. Little is kept of each, because there may be a stream for
//! every chat of a long backlog, and what does not fit is read again.

use std::sync::Arc;

use crate::log::RecordedEvent;
use crate::webhook::materials::Subject;
use crate::webhook::portrait::Portrait as _;

/// So many events may lie between the place and what is asked for: retries and endpoints that lag a little find them.
const BEHIND: usize = 16;
/// So many events after what is asked for are kept.
const AHEAD: usize = 64;
/// What an event weighs beside its text, about.
const FRAME: usize = 400;

/// About how many bytes an event takes.
pub(super) fn weight(recorded: &RecordedEvent) -> usize {
    FRAME
        + recorded.metadata.as_str().len()
        + recorded.event.to_json().map_or(0, |json| json.to_string().len())
}

#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// What the first events make, and the position of the last of them.
    base: Option<Subject>,
    from: u64,
    base_weight: usize,
    /// How many events there are, the last of the tail included.
    version: u64,
    tail: Vec<(Arc<RecordedEvent>, usize)>,
    /// Up to which position of the log these are all there are.
    until: u64,
}

impl History {
    /// How many events of the stream are in it, from its first.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }

    /// Whether what was at a position can be told of it, once it is extended that far.
    pub(super) const fn reaches_back_to(&self, position: u64) -> bool {
        self.from <= position
    }

    /// What the stream amounted to at a position; nothing where that is not known here.
    pub(super) fn at(&self, position: u64) -> Option<Option<Subject>> {
        if !self.reaches_back_to(position) || position > self.until {
            return None;
        }
        let mut subject = self.base.clone();
        for (recorded, _) in self.tail.iter().take_while(|(recorded, _)| recorded.position <= position) {
            Subject::fold(&mut subject, recorded);
        }
        Some(subject)
    }

    /// Adds the next events of the stream, which are all there are up to `until`, and moves on to a position.
    pub(super) fn extend(&mut self, more: Vec<RecordedEvent>, until: u64, position: u64) {
        self.until = self.until.max(until);
        self.tail.extend(more.into_iter().map(|recorded| {
            let weight = weight(&recorded);
            (Arc::new(recorded), weight)
        }));
        let reached = self.tail.partition_point(|(recorded, _)| recorded.position <= position);
        for (recorded, weight) in self.tail.drain(..reached.saturating_sub(BEHIND)) {
            Subject::fold(&mut self.base, &recorded);
            self.from = recorded.position;
            self.base_weight = self.base_weight.max(weight);
            self.version = recorded.version;
        }
        if self.tail.len() > BEHIND + AHEAD {
            self.tail.truncate(BEHIND + AHEAD);
            self.until = self.tail.last().map_or(self.from, |(recorded, _)| recorded.position);
        }
        self.version = self.tail.last().map_or(self.version, |(recorded, _)| recorded.version);
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        FRAME + self.base_weight + self.tail.iter().map(|(_, weight)| weight).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use interflow_domain::chat::ChatEvent;
    use interflow_domain::{ChatId, CustomerId, EventId, InstanceId, MessageId};
    use proptest::prelude::*;

    use super::*;
    use crate::log::{Event, StreamId};

    /// A chat that is assigned again and again, at every third position of the log.
    fn chat(events: u64) -> Vec<RecordedEvent> {
        let chat_id = ChatId::default();
        let of = |version: u64| RecordedEvent {
            id: EventId::default(),
            position: version * 3,
            stream: StreamId::Chat(chat_id),
            version,
            recorded_at: DateTime::UNIX_EPOCH,
            metadata: crate::metadata::Metadata::default(),
            event: Event::Chat(match version {
                1 => ChatEvent::ChatOpened {
                    chat_id,
                    instance_id: InstanceId::default(),
                    customer_id: CustomerId::default(),
                },
                _ => ChatEvent::ChatRead { up_to: MessageId::default() },
            }),
        };
        (1..=events).map(of).collect()
    }

    proptest! {
        #[test]
        fn it_says_what_the_whole_stream_says_and_stays_short(
            asked in prop::collection::vec(3_u64..3_000, 1..40),
            ahead in 0_u64..3_000,
            piece in 1_usize..400,
        ) {
            let all = chat(1_000);
            let mut history = History::default();
            for position in asked {
                let known = position.max(ahead);
                if !history.reaches_back_to(position) {
                    history = History::default();
                }
                while history.at(position).is_none() {
                    let seen = history.version();
                    let more = all.iter().filter(|event| event.version > seen && event.position <= known);
                    let more: Vec<_> = more.take(piece).cloned().collect();
                    let until = more.get(piece - 1).map_or(known, |last| last.position);
                    history.extend(more, until, position);
                }
                let before: Vec<_> = all.iter().filter(|event| event.position <= position).cloned().collect();
                prop_assert_eq!(history.at(position), Some(Subject::of(&before)));
                prop_assert!(history.tail.len() <= BEHIND + AHEAD);
            }
        }
    }
}
