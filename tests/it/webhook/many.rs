//! Many endpoints, and some of them dead.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use interflow_application::webhook::address::AllowList;
use interflow_infrastructure::webhooks::{HttpTransport, SystemResolver, Timeouts};

use super::{Build, place};
use crate::support::PATIENCE;
use crate::support::receiver::{Receiver, Reply};

/// Longer than anybody waits in a test: who hangs, hangs until its end.
fn endless() -> Arc<HttpTransport> {
    let timeouts = Timeouts { connect: PATIENCE * 2, total: PATIENCE * 2 };
    Arc::new(HttpTransport::with_timeouts(Arc::new(SystemResolver), AllowList::everything(), timeouts))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_endpoint_among_a_hundred_does_not_keep_the_others_waiting() {
    const ENDPOINTS: usize = 99;
    const LANES: usize = 3;
    const EACH: usize = 3;
    let node = Build { transport: endless(), ..Build::new().await }.start().await;
    let (receiver, dead) = (Receiver::accepting().await, Receiver::start(|_, _| Reply::Hang).await);
    let dead_id = node.endpoint(&dead.url).await;
    let urls: Vec<_> = (0..ENDPOINTS).map(|n| format!("{}/{n}", receiver.url)).collect();
    join_all(urls.iter().map(|url| node.endpoint(url))).await;
    let customers = node.customers(LANES).await;
    // The dead one has all it may have under way, and none of it ends while this test runs.
    dead.until(|received| received.len() == LANES).await;
    for n in 1..EACH {
        join_all(customers.iter().map(|id| node.rename(*id, n))).await;
    }
    let all = ENDPOINTS * LANES * EACH;
    let received = receiver.until(|received| received.len() >= all).await;
    assert_eq!(received.len(), all, "each once");
    let mut told = BTreeMap::<_, Vec<_>>::new();
    for one in &received {
        let lane = one.json()["data"]["id"].as_str().unwrap().to_owned();
        told.entry((one.path.clone(), lane)).or_default().push(place(one));
    }
    assert_eq!(told.len(), ENDPOINTS * LANES);
    let chain: Vec<_> = (1..=EACH as u64).map(|n| (n, (n > 1).then(|| n - 1))).collect();
    for ((path, lane), places) in told {
        assert_eq!(places, chain, "{path} {lane}: in order");
    }
    assert_eq!(dead.count(), LANES, "none of its attempts has ended, so nobody waited for one");
    let open = node.view(dead_id).await.progress.unwrap().open;
    assert_eq!(open as usize, LANES * EACH, "it still has all before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_whose_receivers_all_hang_does_not_keep_another_waiting() {
    const AT_ONCE: usize = 8;
    let build = Build { transport: endless(), ..Build::new().await };
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
