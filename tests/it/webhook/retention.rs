//! What is old goes; dead letters stay longer; what belongs to endpoints that are gone goes at once.

use std::time::Duration;

use chrono::TimeDelta;
use interflow_application::DeleteWebhook;
use interflow_application::webhook::ports::DeliveryStore as _;
use interflow_domain::webhook::RetrySchedule;
use interflow_infrastructure::webhooks::PgDeliveries;
use uuid::Uuid;

use super::{Build, Node, place};
use crate::support::receiver::{Receiver, Reply};

const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

async fn counts(node: &Node) -> (i64, i64, i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM webhook_attempts), (SELECT count(*) FROM webhook_deliveries), \
         (SELECT count(*) FROM webhook_lanes), (SELECT count(*) FROM webhook_cursors)";
    sqlx::query_as(sql).fetch_one(&node.database.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_and_dead_letters_stay_three_times_as_long() {
    let node = Build::new().await.start().await;
    let receiver = Receiver::start(|one, _| match place(one).0 {
        1 => Reply::Status(500),
        _ => Reply::Status(200),
    })
    .await;
    let id = node
        .endpoint_with(&receiver.url, |create| {
            create.settings.schedule = Some(RetrySchedule::try_new(vec![0]).unwrap());
        })
        .await;
    let customers = node.customers(2).await;
    for customer in &customers {
        node.rename(*customer, 1).await;
    }
    node.until_idle(id).await;
    let store = PgDeliveries::new(node.database.pool.clone(), Uuid::nil());
    let now = node.core.clock.now();
    let prune = |days| {
        let store = store.clone();
        async move { store.prune(now + TimeDelta::days(days), MONTH, 1_000).await.unwrap() }
    };
    assert_eq!((prune(29).await, counts(&node).await), (0, (4, 4, 2, 1)));
    assert_eq!((prune(31).await, counts(&node).await), (6, (0, 2, 2, 1)));
    assert_eq!((prune(89).await, node.deliveries(id, Some("failed")).await.len()), (0, 2));
    assert_eq!((prune(91).await, counts(&node).await), (2, (0, 0, 2, 1)));

    // The numbers go on where they were: they are what a receiver counts by.
    node.rename(customers[0], 2).await;
    node.until_idle(id).await;
    assert_eq!(place(receiver.received().last().unwrap()), (3, Some(2)));

    node.run(&DeleteWebhook { id, expected: None }).await;
    while prune(0).await > 0 {}
    assert_eq!(counts(&node).await, (0, 0, 0, 0), "attempts go with their deliveries, however new they are");
}
