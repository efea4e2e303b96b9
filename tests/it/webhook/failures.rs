//! What becomes of deliveries that fail. A receiver that fails at random is in `storm`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interflow_application::webhook::DeliveryStatus;
use interflow_domain::webhook::RetrySchedule;

use super::{Build, place};
use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::say;

pub fn seed() -> u64 {
    let asked = std::env::var("INTERFLOW_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = asked.unwrap_or_else(rand::random);
    say(&format!("INTERFLOW_TEST_SEED={seed}"));
    seed
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
