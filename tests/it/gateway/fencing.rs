//! Two servers on one database: one at a time has a channel, and one that was given up for dead, and is not, writes
//! nothing and closes its socket.

use std::time::{Duration, Instant};

use crate::gateway::cluster::{Cluster, SHOP};
use crate::support::PATIENCE;

const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_paused_past_its_lease_writes_nothing_when_it_wakes_and_closes_its_socket() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let one = cluster.node();
    cluster.pair(&one).await;
    one.api.send("shop", ANA, "from one").await.expect(201);
    cluster.write("heard by one").await;
    one.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 1).await;
    cluster.until_quiet().await;
    let (two, lease) = (cluster.node(), cluster.lease().await);
    assert_eq!(cluster.sockets(&one), 1);

    one.pause();
    // It lies in the socket of the one that sleeps, and in no log.
    cluster.write("written into sleep").await;
    cluster.until_taken_over(lease, &two).await;
    two.api.send("shop", ANA, "from two").await.expect(201);
    two.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 2).await;
    let (before, taken) = (cluster.until_quiet().await, cluster.lease().await);

    one.wake();
    let begin = Instant::now();
    while cluster.sockets(&one) > 0 {
        assert!(begin.elapsed() < PATIENCE, "it keeps its socket");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(cluster.until_quiet().await, before, "what it still had in hand is not written");
    assert_eq!(cluster.lease().await, taken, "and the channel stays where it is");
    assert_eq!((cluster.sockets(&one), cluster.sockets(&two)), (0, 1));

    // Both serve calls, and the channel works where it is now.
    one.api.until_status("shop", "open").await;
    cluster.write("heard by two").await;
    two.api.until("/v1/chats", |body| body["data"][0]["unread_count"] == 3).await;
    assert_eq!(cluster.inbound(&two).await, ["heard by one", "written into sleep", "heard by two"]);
    let received = cluster.network.phones.texts(ANA).await;
    assert_eq!(received, ["from one", "from two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_connection_broke_in_its_sleep_does_not_drive_out_the_one_that_took_over() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let one = cluster.node();
    cluster.pair(&one).await;
    let (two, lease) = (cluster.node(), cluster.lease().await);
    one.pause();
    cluster.network.phones.cut(SHOP).await;
    cluster.until_taken_over(lease, &two).await;
    let logins = cluster.network.phones.logins(SHOP).await;
    one.wake();
    cluster.until_quiet().await;
    // Longer than the first pauses before a connection is tried again.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cluster.network.phones.logins(SHOP).await, logins);
    assert_eq!((cluster.sockets(&one), cluster.sockets(&two)), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_channels_of_a_server_that_died_are_taken_over_and_move_on_when_that_one_dies_too() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let mut one = cluster.node();
    cluster.pair(&one).await;
    let (mut two, lease) = (cluster.node(), cluster.lease().await);
    one.process.kill();
    cluster.write("while nobody listens").await;
    cluster.until_taken_over(lease, &two).await;
    two.api.send("shop", ANA, "from two").await.expect(201);

    let one = cluster.again(one);
    let lease = cluster.lease().await;
    assert_ne!(lease.0, uuid::Uuid::nil());
    two.process.kill();
    cluster.until_taken_over(lease, &one).await;
    one.api.send("shop", ANA, "from one").await.expect(201);
    cluster.network.phones.until_received(ANA, 2).await;
    assert_eq!(cluster.inbound(&one).await, ["while nobody listens"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_data_directory_resumes_at_once_whatever_the_lease_says() {
    // An hour: whoever waits for it does not come back within a test.
    let cluster = Cluster::new(Duration::from_secs(3600)).await;
    let mut one = cluster.node();
    cluster.pair(&one).await;
    let two = cluster.node();
    let (node, epoch) = cluster.lease().await;
    one.process.kill();
    let one = cluster.again(one);
    one.api
        .until("/v1/channels/shop", |body| body["data"]["last_disconnect"]["reason"] == "server_stopped")
        .await;
    one.api.until_status("shop", "open").await;
    assert_eq!(cluster.lease().await, (node, epoch + 1));
    assert_eq!((cluster.sockets(&one), cluster.sockets(&two)), (1, 0));
}
