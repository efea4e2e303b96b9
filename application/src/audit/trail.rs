//! What followed from a request, each below what it follows from.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use interflow_domain::{DeliveryId, MessageId, WebhookId};

use super::AuditEvent;

/// What followed from a request, as it was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Followed {
    /// The events, in order.
    pub events: Vec<AuditEvent>,
    /// Sends of their messages that are still to be carried out.
    pub waiting: Vec<WaitingSend>,
    /// What webhooks were, or are to be, told of them, in order.
    pub deliveries: Vec<DeliveryMade>,
    /// Whether there are more events behind the last.
    pub has_more: bool,
}

/// A send that is still to be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingSend {
    /// Of which message.
    pub message: MessageId,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, where it was tried before.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it is given up.
    pub deadline: DateTime<Utc>,
}

/// A delivery of an event to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryMade {
    /// Its id.
    pub id: DeliveryId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// The position of its event.
    pub position: u64,
    /// How it stands.
    pub status: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
    /// The latest attempts, in order.
    pub attempts: Vec<AttemptMade>,
}

/// An attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptMade {
    /// Its number, from 1.
    pub number: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// What the receiver answered.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What followed from a request, as a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// What follows from nothing else that is known here, in order.
    pub roots: Vec<Node>,
    /// The position behind which it goes on.
    pub more_from: Option<u64>,
}

/// An event, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The event.
    pub event: AuditEvent,
    /// Its message's send, while it is to be carried out.
    pub waiting: Option<WaitingSend>,
    /// What webhooks were told of it.
    pub deliveries: Vec<DeliveryMade>,
    /// The events that follow from it, in order.
    pub followed_by: Vec<Node>,
}

/// What makes a message wait to be sent.
const QUEUED: &str = "message.queued";

impl Trail {
    /// The tree. An event whose cause is of another request, or on an earlier page, is a root.
    #[must_use]
    pub fn of(followed: Followed) -> Self {
        let Followed { events, waiting, deliveries, has_more } = followed;
        let more_from = events.last().map(|event| event.position).filter(|_| has_more);
        let known: BTreeSet<String> = events.iter().map(|event| event.id.to_string()).collect();
        let mut waiting: BTreeMap<String, WaitingSend> =
            waiting.into_iter().map(|send| (send.message.to_string(), send)).collect();
        let mut told: BTreeMap<u64, Vec<DeliveryMade>> = BTreeMap::new();
        for delivery in deliveries {
            told.entry(delivery.position).or_default().push(delivery);
        }
        let mut below: BTreeMap<Option<String>, Vec<Node>> = BTreeMap::new();
        for event in events {
            let cause = event.circumstances.causation_id.clone();
            let cause = cause.filter(|cause| known.contains(cause) && *cause != event.id.to_string());
            let waiting = if event.event_type == QUEUED { waiting.remove(&event.aggregate.id) } else { None };
            let deliveries = told.remove(&event.position).unwrap_or_default();
            let node = Node { event, waiting, deliveries, followed_by: vec![] };
            below.entry(cause).or_default().push(node);
        }
        let mut roots = below.remove(&None).unwrap_or_default();
        roots.iter_mut().for_each(|root| gather(root, &mut below));
        // Causes that go round in circles are nobody's root; no event of ours does, and none is left out.
        roots.extend(below.into_values().flatten());
        roots.sort_by_key(|root| root.event.position);
        Self { roots, more_from }
    }
}

/// Hangs what follows from a node below it. No deeper than there are events, and ours go a handful deep.
fn gather(node: &mut Node, below: &mut BTreeMap<Option<String>, Vec<Node>>) {
    node.followed_by = below.remove(&Some(node.event.id.to_string())).unwrap_or_default();
    node.followed_by.iter_mut().for_each(|next| gather(next, below));
}

#[cfg(test)]
mod tests {
    use interflow_domain::EventId;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;
    use crate::audit::{Aggregate, Circumstances};

    fn id(number: u64) -> EventId {
        EventId::new(Uuid::from_u128(u128::from(number)))
    }

    fn event(number: u64, kind: &str, cause: Option<u64>) -> AuditEvent {
        let causation_id = cause.map(|cause| id(cause).to_string());
        AuditEvent {
            id: id(number),
            position: number,
            aggregate: Aggregate { kind: "message".to_owned(), id: MessageId::default().to_string() },
            version: 1,
            event_type: kind.to_owned(),
            event_version: "1.0".to_owned(),
            recorded_at: DateTime::UNIX_EPOCH,
            circumstances: Circumstances { causation_id, ..Circumstances::default() },
            payload: Value::Null,
            erased: false,
        }
    }

    fn drawn(nodes: &[Node]) -> String {
        let draw = |node: &Node| format!("{}({})", node.event.position, drawn(&node.followed_by));
        nodes.iter().map(draw).collect()
    }

    fn tree(events: Vec<AuditEvent>) -> String {
        drawn(&Trail::of(Followed { events, ..Followed::default() }).roots)
    }

    #[test]
    fn each_hangs_below_what_it_follows_from_in_order() {
        // A customer and a chat come before the message they were opened for.
        let events = vec![
            event(1, "customer.created", Some(3)),
            event(2, "chat.opened", Some(3)),
            event(3, QUEUED, None),
            event(4, "message.sent", Some(3)),
            event(5, "webhook.disabled", Some(4)),
            event(6, "message.read", Some(99)),
        ];
        assert_eq!(tree(events), "3(1()2()4(5()))6()");
    }

    #[test]
    fn nothing_is_left_out_whatever_it_says_it_follows_from() {
        assert_eq!(tree(vec![event(1, "a", Some(1)), event(2, "b", Some(1))]), "1(2())");
        let circle = vec![event(1, "a", Some(2)), event(2, "b", Some(1)), event(3, "c", None)];
        assert_eq!(tree(circle), "1()2()3()");
    }

    #[test]
    fn sends_and_deliveries_are_at_their_events() {
        let waiting = WaitingSend {
            message: MessageId::default(),
            attempts: 1,
            next_attempt_at: None,
            deadline: DateTime::UNIX_EPOCH,
        };
        let delivery = DeliveryMade {
            id: DeliveryId::default(),
            webhook: WebhookId::default(),
            position: 2,
            status: "pending".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
            settled_at: None,
            attempts: vec![],
        };
        let trail = Trail::of(Followed {
            events: vec![event(1, QUEUED, None), event(2, "message.sent", Some(1))],
            waiting: vec![waiting.clone()],
            deliveries: vec![delivery.clone()],
            has_more: true,
        });
        assert_eq!((trail.roots[0].waiting.clone(), trail.more_from), (Some(waiting), Some(2)));
        assert_eq!(trail.roots[0].followed_by[0].deliveries, [delivery]);
        assert_eq!(trail.roots[0].followed_by[0].waiting, None);
    }
}
