//! What an endpoint is told, in which order, and what stops and goes on.

use std::collections::BTreeMap;

use interflow_application::webhook::{DeliveryStatus, WebhookReads as _};
use interflow_application::{DeleteWebhook, EnableWebhook, PauseWebhook, ResumeWebhook};
use interflow_domain::webhook::PausedBy;

use super::{Build, place};
use crate::support::PATIENCE;
use crate::support::receiver::{Receiver, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_what_happens_in_order_and_numbered_without_a_gap() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let before = node.customers(1).await;
    let id = node
        .endpoint_with(&format!("{}/hook", receiver.url), |create| {
            create.settings.headers =
                [("authorization".parse().unwrap(), "Bearer mine".parse().unwrap())].into();
        })
        .await;
    let customers = node.customers(5).await;
    for n in 0..6 {
        futures::future::join_all(customers.iter().map(|id| node.rename(*id, n))).await;
    }
    node.rename(before[0], 1).await;
    node.until_idle(id).await;

    let received = receiver.received();
    assert_eq!(received.len(), 5 + 30 + 1);
    let mut lanes: BTreeMap<String, Vec<(u64, Option<u64>)>> = BTreeMap::new();
    for one in &received {
        assert_eq!((one.path.as_str(), one.headers["authorization"].as_str()), ("/hook", "Bearer mine"));
        assert_eq!(one.headers["content-type"], "application/json");
        assert!(one.headers["webhook-signature"].starts_with("v1,"));
        assert!(!one.headers.contains_key("accept-encoding") && !one.headers.contains_key("cookie"));
        lanes.entry(one.json()["data"]["id"].to_string()).or_default().push(place(one));
    }
    assert_eq!(lanes.len(), 6);
    for places in lanes.values() {
        let chain = (1..).map(|n| (n, (n > 1).then(|| n - 1))).take(places.len());
        assert_eq!(places, &chain.collect::<Vec<_>>());
    }
    let kept = node.deliveries(id, None).await;
    assert_eq!(kept.len(), received.len());
    for delivery in &kept {
        assert!(matches!(delivery.status, DeliveryStatus::Delivered { .. }));
        let attempts = node.reads.attempts(node.context.workspace, delivery.id).await;
        let attempts = attempts.unwrap();
        assert_eq!((attempts.len(), attempts[0].number, attempts[0].outcome.status), (1, 1, Some(204)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_another_workspace_never_arrives() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let (other, others) =
        (Build::on(std::sync::Arc::clone(&node.database)).start().await, Receiver::accepting().await);
    let (mine, theirs) = (node.endpoint(&receiver.url).await, other.endpoint(&others.url).await);
    let (known, unknown) = (node.customers(3).await, other.customers(4).await);
    node.until_idle(mine).await;
    other.until_idle(theirs).await;
    for (receiver, ids) in [(&receiver, &known), (&others, &unknown)] {
        let told: Vec<_> = receiver.received().iter().map(|one| one.json()["data"]["id"].clone()).collect();
        assert_eq!(told.len(), ids.len());
        assert!(ids.iter().all(|id| told.contains(&id.to_string().into())));
    }
    assert!(node.reads.webhook(other.context.workspace, mine).await.unwrap().is_none());
    let delivery = node.deliveries(mine, None).await[0].id;
    let context = &other.context;
    assert!(node.dispatcher.redeliver(context, mine, delivery).await.is_err());
    assert!(node.dispatcher.redeliver(context, theirs, delivery).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_endpoint_goes_on_where_it_stopped() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = node.endpoint(&receiver.url).await;
    node.customers(2).await;
    node.until_idle(id).await;
    node.run(&PauseWebhook { id, by: PausedBy::Caller, expected: None }).await;
    let customers = node.customers(3).await;
    for id in customers {
        node.rename(id, 1).await;
    }
    // Long enough for whoever did not hear of the pause to tell of it.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(receiver.count(), 2);
    node.run(&ResumeWebhook { id, expected: None }).await;
    receiver.until(|received| received.len() >= 8).await;
    node.until_idle(id).await;
    let types: Vec<_> = receiver.received().iter().map(|one| one.json()["type"].clone()).collect();
    assert_eq!(types.iter().filter(|name| **name == "customer.created").count(), 5);
    assert_eq!(types.iter().filter(|name| **name == "customer.updated").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_another_process_deletes_is_told_nothing_more() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = node.endpoint(&receiver.url).await;
    node.customers(1).await;
    node.until_idle(id).await;
    let other = Build::on(std::sync::Arc::clone(&node.database)).node(node.context.workspace);
    other.run(&DeleteWebhook { id, expected: None }).await;
    node.customers(3).await;
    // Whoever delivers for it stops, though it remembers it as it was.
    let begin = std::time::Instant::now();
    loop {
        let sql = "SELECT count(*) FROM webhook_cursors WHERE webhook_id = $1 AND node_id <> $2";
        let query = sqlx::query_scalar(sql).bind(id.uuid()).bind(uuid::Uuid::nil());
        let owners: i64 = query.fetch_one(&node.database.pool).await.unwrap();
        if owners == 0 {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "it is delivered for after it was deleted");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_disabled_and_enabled_again_it_misses_nothing() {
    let (node, receiver) =
        (Build::new().await.start().await, Receiver::start(|_, _| Reply::Status(410)).await);
    let (witness, id) = (Receiver::accepting().await, node.endpoint(&receiver.url).await);
    let seen = node.endpoint(&witness.url).await;
    node.customers(4).await;
    let view = node.until(id, |view| view.row.status == "disabled").await;
    assert_eq!(view.row.reason.as_deref(), Some("gone"));
    // Others are told, with the reason.
    node.until_idle(seen).await;
    let told = witness.received().into_iter().find(|one| one.json()["type"] == "webhook.disabled").unwrap();
    assert_eq!(told.json()["data"]["reason"], "gone");

    receiver.behave(|_, _| Reply::Status(200));
    node.customers(2).await;
    let before = receiver.count();
    node.run(&EnableWebhook { id, expected: None }).await;
    node.until_idle(id).await;
    let mut ids: Vec<_> = receiver.accepted().iter().map(|one| one.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert!(ids.len() >= 4 + 2 && receiver.count() > before, "{ids:?}");
    let tries = node.deliveries(id, None).await;
    assert!(tries.iter().all(|delivery| matches!(delivery.status, DeliveryStatus::Delivered { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_may_refuse_one_delivery_and_its_lane_goes_on() {
    let (node, receiver) = (
        Build::new().await.start().await,
        Receiver::start(|_, before| match before {
            0 => Reply::With(400, vec![("webhook-delivery", "abort-message".to_owned())]),
            _ => Reply::Status(200),
        })
        .await,
    );
    let id = node.endpoint(&receiver.url).await;
    let customers = node.customers(1).await;
    node.rename(customers[0], 1).await;
    node.until_idle(id).await;
    let received = receiver.received();
    assert_eq!(received.iter().map(place).collect::<Vec<_>>(), [(1, None), (2, Some(1))]);
    assert_eq!(node.deliveries(id, Some("aborted")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_sent_in_a_second_than_an_endpoint_allows() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let begin = std::time::Instant::now();
    let id = node
        .endpoint_with(&receiver.url, |create| {
            create.settings.rate_limit = Some(interflow_domain::webhook::RateLimit::try_new(5).unwrap());
        })
        .await;
    node.customers(12).await;
    node.until_idle(id).await;
    // The first of them at the earliest at the beginning, so this holds on the slowest machine.
    assert!(begin.elapsed() >= std::time::Duration::from_secs(2));
    assert_eq!(receiver.count(), 12);
}
