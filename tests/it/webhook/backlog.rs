//! The bound of what is open.

use interflow_domain::webhook::StartFrom;

use super::Build;
use crate::support::receiver::{Receiver, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_allowed_is_open_and_what_is_not_is_not_lost() {
    const BOUND: u32 = 20;
    const EVENTS: usize = 70;
    let node = Build::new()
        .await
        .in_haste(20)
        .with(|settings| settings.max_open = BOUND)
        .node(interflow_domain::WorkspaceId::new(uuid::Uuid::from_u128(1)));
    let receiver = Receiver::start(|_, _| Reply::Status(500)).await;
    let id = node
        .endpoint_with(&receiver.url, |create| create.start_from = StartFrom::Position { position: 1 })
        .await;
    node.customers(EVENTS).await;
    let node = node.started().await;
    let paused = node.until(id, |view| view.row.reason.as_deref() == Some("backlog")).await;
    let progress = paused.progress.unwrap();
    assert_eq!(progress.open, BOUND);
    assert!(progress.lag() > 0 && paused.row.status == "paused");
    // Also in the table, which is what grows.
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook_deliveries")
        .fetch_one(&node.database.pool)
        .await
        .unwrap();
    assert_eq!(rows, i64::from(BOUND));

    receiver.behave(|_, _| Reply::Status(200));
    node.until(id, |view| view.row.status == "active").await;
    node.until_idle(id).await;
    let accepted = receiver.accepted();
    let created = accepted.iter().filter(|one| one.json()["type"] == "customer.created");
    assert_eq!(created.count(), EVENTS);
    let rest: Vec<_> = accepted.iter().map(|one| one.json()["type"].clone()).collect();
    assert!(rest.iter().any(|name| name == "webhook.paused"), "others, and itself, are told of the pause");
}
