//! Many endpoints, and some of them dead.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use interflow_application::webhook::address::AllowList;
use interflow_infrastructure::webhooks::{HttpTransport, SystemResolver, Timeouts};

use super::Build;
use crate::support::PATIENCE;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_whose_receivers_all_hang_does_not_keep_another_waiting() {
    const AT_ONCE: usize = 8;
    // Longer than anybody waits in a test.
    let timeouts = Timeouts { connect: PATIENCE * 2, total: PATIENCE * 2 };
    let transport = HttpTransport::with_timeouts(Arc::new(SystemResolver), AllowList::everything(), timeouts);
    let build = Build { transport: Arc::new(transport), ..Build::new().await };
    let node = build.with(|settings| settings.attempts_at_once = AT_ONCE).start().await;
    let dead = Receiver::start(|_, _| Reply::Hang).await;
    let urls: Vec<_> = (0..AT_ONCE).map(|n| format!("{}/{n}", dead.url)).collect();
    join_all(urls.iter().map(|url| node.endpoint(url))).await;
    node.customers(AT_ONCE).await;
    dead.until(|received| received.len() == AT_ONCE / 4).await;

    let receiver = Receiver::accepting().await;
    let other = interflow_application::Context { workspace: super::workspace(), ..node.context.clone() };
    node.core.run(&other, &super::create(&receiver.url)).await.unwrap();
    node.dispatcher.wake();
    let customer = |n| {
        let email = Some(format!("{n}@example.com").parse().unwrap());
        let profile = interflow_domain::customer::ProfileDraft { email, ..Default::default() };
        interflow_application::CreateCustomer { profile }
    };
    for n in 0..3 {
        node.core.run(&other, &customer(n)).await.unwrap();
    }
    receiver.until(|received| received.len() == 3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(dead.count(), AT_ONCE / 4, "more than its share");
}
