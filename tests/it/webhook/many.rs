//! Many endpoints, and one of them dead.

use futures::future::join_all;

use super::Build;
use crate::support::receiver::{Receiver, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_endpoint_among_a_hundred_does_not_keep_the_others_waiting() {
    const ENDPOINTS: usize = 99;
    const EVENTS: usize = 5;
    let (node, receiver) = (Build::new().await.start().await, Receiver::accepting().await);
    let dead = Receiver::start(|_, _| Reply::Hang).await;
    let dead_id = node.endpoint(&dead.url).await;
    let urls: Vec<_> = (0..ENDPOINTS).map(|n| format!("{}/{n}", receiver.url)).collect();
    join_all(urls.iter().map(|url| node.endpoint(url))).await;
    node.customers(EVENTS).await;
    let received = receiver.until(|received| received.len() >= ENDPOINTS * EVENTS).await;
    assert_eq!(received.len(), ENDPOINTS * EVENTS, "each once");
    assert!(dead.accepted().is_empty());
    let open = node.view(dead_id).await.progress.unwrap().open;
    assert_eq!(open as usize, EVENTS, "the dead one still has all before it");
}
