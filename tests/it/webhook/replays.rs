//! Telling again: one delivery, every dead letter, everything from a position.

use interflow_application::webhook::ports::EndpointId;
use interflow_application::webhook::{ReplayFrom, WebhookReads as _};
use interflow_application::{Error, PauseWebhook, ResumeWebhook};
use interflow_domain::job::JobStatus;
use interflow_domain::webhook::{PausedBy, RetrySchedule, StartFrom};
use interflow_domain::{JobId, WebhookId};
use tokio::time::{Duration, Instant, sleep};

use super::{Build, Node, place};
use crate::support::PATIENCE;
use crate::support::receiver::{Received, Receiver, Reply};

async fn until_done(node: &Node, job: JobId) {
    let begin = Instant::now();
    loop {
        let job = node.core.reads.job(node.context.workspace, job).await.unwrap().unwrap();
        if !job.takes_items {
            assert_eq!(job.status, JobStatus::Running, "it is the gateway that completes it");
            return;
        }
        assert!(begin.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
}

fn bodies(received: &[Received]) -> Vec<(String, String)> {
    let mut bodies: Vec<_> = received.iter().map(|one| (one.id().to_owned(), one.body.clone())).collect();
    bodies.sort();
    bodies
}

async fn told(receiver: &Receiver, node: &Node) -> WebhookId {
    let id = node.endpoint(&receiver.url).await;
    let customers = node.customers(4).await;
    for customer in customers {
        node.rename(customer, 1).await;
    }
    node.until_idle(id).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_told_again_is_the_same_byte_for_byte() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = told(&receiver, &node).await;
    let delivery = node.deliveries(id, None).await.pop().unwrap();
    let preview = node.dispatcher.preview(&node.context, id, delivery.id).await.unwrap();
    node.dispatcher.redeliver(&node.context, id, delivery.id).await.unwrap();
    let received = receiver.until(|received| received.len() == 9).await;
    let again = &received[8];
    let first = received.iter().find(|one| one.id() == again.id()).unwrap();
    assert_eq!((again.id(), &again.body), (delivery.id.to_string().as_str(), &first.body));
    assert_eq!(preview.body, first.body);
    node.until_idle(id).await;
    let attempts = node.reads.attempts(node.context.workspace, delivery.id).await;
    assert_eq!(attempts.unwrap().len(), 2);
    let nothing = interflow_domain::DeliveryId::default();
    let refused = node.dispatcher.redeliver(&node.context, id, nothing).await;
    assert!(matches!(refused, Err(Error::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_told_again_as_it_was_from_a_position_on() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = told(&receiver, &node).await;
    let before = bodies(&receiver.received());
    let first = node.deliveries(id, None).await.iter().map(|one| one.position).min().unwrap();
    let from = ReplayFrom::Position(first);
    assert_eq!(node.dispatcher.count_replay(&node.context, id, from, None).await.unwrap(), 8);
    let job = node.dispatcher.replay(&node.context, id, from, None).await.unwrap();
    receiver.until(|received| received.len() >= 16).await;
    until_done(&node, job).await;
    node.until_idle(id).await;
    let received = receiver.received();
    assert_eq!(bodies(&received[8..]), before);
    let kept = node.core.reads.job(node.context.workspace, job).await.unwrap().unwrap();
    assert_eq!((kept.total, kept.accepted), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_an_endpoint_that_began_later_tells_what_was_before() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let customers = node.customers(3).await;
    let id = node.endpoint(&receiver.url).await;
    node.rename(customers[0], 1).await;
    node.until_idle(id).await;
    assert_eq!(receiver.count(), 1);
    node.dispatcher.replay(&node.context, id, ReplayFrom::Position(1), None).await.unwrap();
    let received = receiver.until(|received| received.len() >= 5).await;
    node.until_idle(id).await;
    // What was told before has the number it had; what was not has the next.
    let of_first = received.iter().filter(|one| one.json()["data"]["id"] == customers[0].to_string());
    let places: Vec<_> = of_first.map(|one| place(one).0).collect();
    assert_eq!(places, [1, 2, 1]);
    assert_eq!(receiver.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_told_again_and_nothing_else() {
    let node = Build::new().await.in_haste(20).start().await;
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
    let customers = node.customers(3).await;
    for customer in customers {
        node.rename(customer, 1).await;
    }
    node.until_idle(id).await;
    receiver.behave(|_, _| Reply::Status(200));
    let count = node.dispatcher.count_replay(&node.context, id, ReplayFrom::Failed, None).await.unwrap();
    assert_eq!(count, 3);
    let before = receiver.count();
    let job = node.dispatcher.replay(&node.context, id, ReplayFrom::Failed, None).await.unwrap();
    until_done(&node, job).await;
    node.until_idle(id).await;
    let received = receiver.received();
    assert!(received[before..].iter().all(|one| place(one).0 == 1));
    assert_eq!(received.len() - before, 3);
    assert!(node.deliveries(id, Some("failed")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_survives_its_node_and_there_is_one_at_a_time() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let id = told(&receiver, &node).await;
    node.run(&PauseWebhook { id, by: PausedBy::Caller, expected: None }).await;
    let replay = |node: &Node| {
        let (dispatcher, context) = (node.dispatcher.clone(), node.context.clone());
        async move { dispatcher.replay(&context, id, ReplayFrom::Position(1), None).await }
    };
    let job = replay(&node).await.unwrap();
    assert!(matches!(replay(&node).await, Err(Error::Conflict(_))));
    node.dispatcher.stop().await;
    node.run(&ResumeWebhook { id, expected: None }).await;
    let next = Build::on(std::sync::Arc::clone(&node.database)).node(node.context.workspace).started().await;
    until_done(&next, job).await;
    next.until_idle(id).await;
    assert!(receiver.count() >= 16);
    let endpoint = EndpointId { workspace: node.context.workspace, webhook: id };
    next.until(id, |view| view.row.id == endpoint.webhook).await;
    replay(&next).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_sends_a_real_event_that_is_no_delivery() {
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let customers = node.customers(2).await;
    node.rename(customers[0], 1).await;
    let id = node.endpoint_with(&receiver.url, |create| create.start_from = StartFrom::Now).await;
    let tested = node.dispatcher.test(&node.context, id, Some("customer.created")).await.unwrap();
    assert_eq!((tested.event_type, tested.attempt.outcome.status), ("customer.created", Some(204)));
    let received = receiver.received();
    assert_eq!((received.len(), &received[0].body), (1, &tested.body));
    assert_eq!(place(&received[0]).0, 0);
    assert!(received[0].headers["webhook-signature"].starts_with("v1,"));
    assert!(node.deliveries(id, None).await.is_empty());
    let unknown = node.dispatcher.test(&node.context, id, Some("message.received")).await;
    assert!(matches!(unknown, Err(Error::Invalid { .. })));
}
