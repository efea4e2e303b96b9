//! A receiver that fails at random: every event arrives or is a visible dead letter, in order, and none twice for
//! whoever dedupes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use interflow_application::webhook::DeliveryStatus;
use interflow_domain::webhook::RetrySchedule;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::{Build, place};
use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::say;

/// How often something happens, and to how many.
fn size() -> (usize, usize) {
    let asked = std::env::var("INTERFLOW_TEST_DELIVERIES").ok().and_then(|text| text.parse().ok());
    let all: usize = asked.unwrap_or(240);
    ((all / 12).clamp(1, 500), all)
}

pub fn seed() -> u64 {
    let asked = std::env::var("INTERFLOW_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = asked.unwrap_or_else(rand::random);
    say(&format!("INTERFLOW_TEST_SEED={seed}"));
    seed
}

/// Fails every now and then, in every way there is.
pub fn moody(seed: u64) -> impl Fn(&Received, usize) -> Reply + Send + Sync {
    let random = Mutex::new(StdRng::seed_from_u64(seed));
    move |_, _| match random.lock().unwrap().random_range(0..100) {
        0..8 => Reply::Status(500),
        8..12 => Reply::With(429, vec![("retry-after", "1".to_owned())]),
        12..16 => Reply::Reset,
        16 => Reply::Hang,
        17 => Reply::Drip,
        18 => Reply::With(301, vec![("location", "/elsewhere".to_owned())]),
        _ => Reply::Status(200),
    }
}

/// What a receiver has that dedupes by id, by lane and in the order of first success.
pub fn deduped(received: &[Received]) -> BTreeMap<String, Vec<u64>> {
    let (mut known, mut lanes) = (BTreeSet::new(), BTreeMap::<_, Vec<_>>::new());
    for one in received.iter().filter(|one| one.accepted) {
        if known.insert(one.id().to_owned()) {
            lanes.entry(one.json()["data"]["id"].to_string()).or_default().push(place(one).0);
        }
    }
    lanes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_at_random_ends_with_the_log() {
    let (lanes, all) = size();
    let node = Build::new().await.in_haste(3_000).with(|settings| settings.lanes_at_once = 32).start().await;
    let receiver = Receiver::start(moody(seed())).await;
    let id = node.endpoint(&receiver.url).await;
    let customers = node.customers(lanes).await;
    for n in 1..all / lanes {
        futures::future::join_all(customers.iter().map(|id| node.rename(*id, n))).await;
    }
    node.until_idle(id).await;

    let received = receiver.received();
    let lanes_of = deduped(&received);
    let failed = node.deliveries(id, Some("failed")).await;
    let arrived: usize = lanes_of.values().map(Vec::len).sum();
    assert_eq!(arrived + failed.len(), lanes * (all / lanes).max(1), "each arrives or is a dead letter");
    assert!(failed.iter().all(|delivery| delivery.attempts == 10));
    for places in lanes_of.values() {
        assert!(places.is_sorted(), "in the order of first success: {places:?}");
    }
    if failed.is_empty() {
        assert!(lanes_of.values().all(|places| places.iter().copied().eq(1..=places.len() as u64)));
    }
    // What was sent twice was the same, byte for byte.
    let mut bodies = BTreeMap::new();
    for one in &received {
        assert_eq!(bodies.entry(one.id().to_owned()).or_insert_with(|| one.body.clone()), &one.body);
        assert_ne!(one.path, "/elsewhere", "redirects are not followed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_to_the_last_is_a_dead_letter_and_its_lane_goes_on() {
    let node = Build::new().await.in_haste(50).start().await;
    let receiver = Receiver::start(|one, _| match place(one).0 {
        1 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let id = node
        .endpoint_with(&receiver.url, |create| {
            create.settings.schedule = Some(RetrySchedule::try_new(vec![0, 1, 2]).unwrap());
        })
        .await;
    let customers = node.customers(2).await;
    for customer in &customers {
        node.rename(*customer, 1).await;
    }
    node.until_idle(id).await;
    let failed = node.deliveries(id, Some("failed")).await;
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|one| one.attempts == 3 && one.numbering.sequence == 1));
    let delivered = node.deliveries(id, Some("delivered")).await;
    assert!(delivered.iter().all(|one| matches!(one.status, DeliveryStatus::Delivered { .. })));
    assert_eq!((delivered.len(), receiver.count()), (2, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_for_days_is_disabled() {
    // A day in a tenth of a second.
    let node = Build::new().await.in_haste(864_000).start().await;
    let receiver = Receiver::start(|_, _| Reply::Status(500)).await;
    let id = node
        .endpoint_with(&receiver.url, |create| {
            create.settings.schedule = Some(RetrySchedule::try_new(vec![24 * 3600; 20]).unwrap());
        })
        .await;
    node.customers(20).await;
    let view = node.until(id, |view| view.row.status == "disabled").await;
    assert_eq!(view.row.reason.as_deref(), Some("failing"));
    assert!(node.deliveries(id, Some("failed")).await.is_empty(), "what is not told yet waits");
    let count = receiver.count();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.count(), count);
}
