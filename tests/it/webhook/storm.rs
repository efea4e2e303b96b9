//! A receiver that fails at random, and servers that are killed: every event arrives or is a visible dead letter, in
//! order, and whoever dedupes ends with the log. `make webhooks` is the long one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_application::webhook::delivery_id;
use interflow_application::{AssignChat, ChannelRef, OpenChat, Partner, RegisterInstance};
use interflow_domain::webhook::{RetrySchedule, StartFrom};
use interflow_domain::{ChatId, EventId, WebhookId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;
use uuid::Uuid;

use super::crash::Shared;
use super::failures::seed;
use super::{Node, place};
use crate::support::PATIENCE;
use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::say;

/// An hour is a little more than a second.
const TIMES: i32 = 3_000;
/// Of so many chats one has an event that its receiver never takes.
const POISONED: usize = 100;
/// The number of that event in its chat.
const POISON: u64 = 3;
/// Below this many events the waits are cut short, so that the dead letters of a short run are there soon.
const IN_EARNEST: usize = 10_000;

struct Size {
    events: usize,
    chats: usize,
    kills: usize,
}

impl Size {
    fn asked() -> Self {
        let asked = |name, usual| {
            std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(usual)
        };
        let events = asked("INTERFLOW_TEST_DELIVERIES", 300).max(60);
        Self { events, chats: (events / 20).clamp(3, 500), kills: asked("INTERFLOW_TEST_KILLS", 2) }
    }
}

/// What a receiver knows of a delivery.
struct Known {
    lane: String,
    place: (u64, Option<u64>),
    body: String,
    accepted: bool,
}

/// What a receiver has written down.
#[derive(Default)]
struct Ledger {
    known: HashMap<String, Known>,
    /// In the order of first success.
    accepted: Vec<String>,
    twice: usize,
    poisoned: BTreeSet<String>,
}

impl Ledger {
    /// Notes what came, and whether it is of those that are never taken.
    fn note(&mut self, one: &Received) -> bool {
        let known = self.known.entry(one.id().to_owned()).or_insert_with(|| {
            let lane = one.json()["data"]["id"].as_str().unwrap().to_owned();
            Known { lane, place: place(one), body: one.body.clone(), accepted: false }
        });
        assert_eq!(known.body, one.body, "what is sent again is the same, byte for byte");
        assert_ne!(one.path, "/elsewhere", "redirects are not followed");
        known.place.0 == POISON && self.poisoned.contains(&known.lane)
    }

    fn accept(&mut self, id: &str) {
        let known = self.known.get_mut(id).unwrap();
        if std::mem::replace(&mut known.accepted, true) {
            self.twice += 1;
        } else {
            self.accepted.push(id.to_owned());
        }
    }
}

/// Fails every now and then, in every way there is; the slow ways at least once each.
fn moody(random: &mut StdRng, before: usize) -> Reply {
    match (before, random.random_range(0..1_000)) {
        (5, _) | (_, 0) => Reply::Hang,
        (9, _) | (_, 1) => Reply::Drip,
        (_, 10..80) => Reply::Status(500),
        (_, 80..100) => Reply::With(429, vec![("retry-after", "1".to_owned())]),
        (_, 100..150) => Reply::Reset,
        (_, 150..160) => Reply::With(301, vec![("location", "/elsewhere".to_owned())]),
        _ => Reply::Status(200),
    }
}

async fn receiver(seed: u64, ledger: &Arc<Mutex<Ledger>>) -> Receiver {
    let (random, ledger) = (Mutex::new(StdRng::seed_from_u64(seed)), Arc::clone(ledger));
    Receiver::forgetful(move |one, before| {
        let mut ledger = ledger.lock().unwrap();
        if ledger.note(one) {
            return Reply::Status(500);
        }
        let reply = moody(&mut random.lock().unwrap(), before);
        if matches!(reply, Reply::Status(200)) {
            ledger.accept(one.id());
        }
        reply
    })
    .await
}

/// Chats, each with a customer.
async fn chats(node: &Node, count: usize) -> Vec<ChatId> {
    let channel = node.run(&RegisterInstance { name: "shop".parse().unwrap() }).await;
    let opening = (0..count).map(|n| async move {
        let partner = Partner::Phone(format!("55119{n:08}").parse().unwrap());
        node.run(&OpenChat { channel: ChannelRef::id(channel), partner }).await.id
    });
    join_all(opening).await
}

/// So much happens in the chats, in turn.
async fn assign(node: &Node, chats: &[ChatId], events: usize) {
    for n in 0..events.div_ceil(chats.len()) {
        let left = chats.len().min(events - n * chats.len());
        let assignee = Some(format!("Agent {n}").parse().unwrap());
        let of = |id: &ChatId| AssignChat { id: *id, assignee: assignee.clone(), expected: None };
        join_all(chats[..left].iter().map(|id| async move { node.run(&of(id)).await })).await;
    }
}

/// Waits until something is so, for as long as deliveries go on coming.
async fn until(receiver: &Receiver, mut wanted: impl AsyncFnMut() -> bool) {
    let (mut came, mut since) = (receiver.count(), Instant::now());
    while !wanted().await {
        if receiver.count() > came {
            (came, since) = (receiver.count(), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE * 3, "nothing comes any more after {came}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Servers, each of which is killed somewhere on its way; the last one may finish.
async fn ravage(shared: &Shared, size: &Size, receiver: &Receiver, random: &mut StdRng, id: WebhookId) {
    let nodes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for _ in 0..size.kills {
        let mut server = shared.serve(nodes[random.random_range(0..2)].path());
        let wanted = receiver.count() + random.random_range(1..=size.events / (size.kills + 1));
        until(receiver, async || receiver.count() >= wanted).await;
        server.kill();
    }
    let _last = shared.serve(nodes[0].path());
    let is_done = |open, lag| open == 0 && lag == 0;
    until(receiver, async || {
        let progress = shared.node.view(id).await.progress;
        progress.is_some_and(|progress| is_done(progress.open, progress.lag()))
    })
    .await;
}

/// What the log has for the endpoint: deliveries by lane, in order.
async fn told(node: &Node, id: WebhookId) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT aggregate_id, event_id FROM events \
         WHERE workspace_id = $1 AND aggregate_type IN ('chat', 'customer') ORDER BY position";
    let query = sqlx::query_as(sql).bind(node.context.workspace.uuid());
    let rows: Vec<(String, Uuid)> = query.fetch_all(&node.database.pool).await.unwrap();
    let mut lanes = BTreeMap::<_, Vec<_>>::new();
    for (lane, event) in rows {
        lanes.entry(lane).or_default().push(delivery_id(id, EventId::new(event)).to_string());
    }
    lanes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_at_random_ends_with_the_log_also_when_servers_are_killed() {
    let (size, seed, ledger) = (Size::asked(), seed(), Arc::default());
    let shared = Shared::in_haste(TIMES).await;
    let receiver = receiver(seed, &ledger).await;
    let id = shared
        .node
        .endpoint_with(&receiver.url, |create| {
            create.start_from = StartFrom::Position { position: 1 };
            create.settings.events = ["chat.*".parse().unwrap(), "customer.*".parse().unwrap()].into();
            if size.events < IN_EARNEST {
                let waits = vec![0, 5, 60, 60, 300, 300, 300, 600, 600, 600];
                create.settings.schedule = Some(RetrySchedule::try_new(waits).unwrap());
            }
        })
        .await;
    let began = Instant::now();
    let chats = chats(&shared.node, size.chats).await;
    let poisoned = chats.iter().step_by(POISONED).map(ToString::to_string).collect();
    ledger.lock().unwrap().poisoned = poisoned;
    let mut random = StdRng::seed_from_u64(seed ^ 1);
    // Every chat begins with two events, its own and its customer's.
    let happening = assign(&shared.node, &chats, size.events - 2 * size.chats);
    tokio::join!(happening, ravage(&shared, &size, &receiver, &mut random, id));

    let lanes = told(&shared.node, id).await;
    let failed = shared.node.deliveries(id, Some("failed")).await;
    let ledger = ledger.lock().unwrap();
    assert_eq!(lanes.values().map(Vec::len).sum::<usize>(), size.events);
    assert_eq!(ledger.known.len(), size.events, "everything came, and nothing else");
    assert!(failed.iter().all(|delivery| delivery.attempts >= 10));
    let failed: BTreeSet<_> = failed.iter().map(|delivery| delivery.id.to_string()).collect();
    assert_eq!(failed.len(), ledger.poisoned.len(), "what was never taken is a dead letter that is shown");
    assert_eq!(ledger.accepted.len() + failed.len(), size.events, "each arrived or is a dead letter");

    let mut first_successes = BTreeMap::<_, Vec<_>>::new();
    for delivery in &ledger.accepted {
        first_successes.entry(&ledger.known[delivery].lane).or_default().push(delivery);
    }
    for (lane, deliveries) in &lanes {
        let numbered: Vec<_> = deliveries.iter().map(|delivery| ledger.known[delivery].place).collect();
        let chain = (1..).map(|n| (n, (n > 1).then(|| n - 1))).take(deliveries.len());
        assert_eq!(numbered, chain.collect::<Vec<_>>(), "{lane}: numbered as the log has it, without a gap");
        let arrived: Vec<_> = deliveries.iter().filter(|delivery| !failed.contains(*delivery)).collect();
        assert_eq!(arrived, first_successes.remove(lane).unwrap_or_default(), "{lane}: in order");
    }
    let result = json!({
        "events": size.events, "chats": size.chats, "kills": size.kills, "posts": receiver.count(),
        "accepted_twice": ledger.twice, "dead_letters": failed.len(), "seconds": began.elapsed().as_secs(),
    });
    say(&result.to_string());
}
