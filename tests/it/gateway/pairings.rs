//! A pairing lives in the memory of one server, and ends with it.

use std::time::Duration;

use serde_json::json;

use crate::gateway::cluster::Cluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_whose_server_died_is_ended_by_another_and_one_that_goes_on_is_not() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let (mut one, two) = (cluster.node(), cluster.node());
    let connect = |channel: &str| json!({"instanceName": channel});
    for (node, channel) in [(&one, "dies"), (&two, "lives")] {
        let shown = node.api.post("/api/whatsapp/connect", connect(channel)).await.expect(200);
        assert!(shown["qrcode"].is_string(), "{shown}");
    }
    // Both servers have looked for what nobody has, more than once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    two.api.until_status("dies", "connecting").await;
    one.process.kill();
    two.api.until_status("dies", "close").await;
    two.api.until_status("lives", "connecting").await;

    // Whoever wants it asks again, at the server that is left.
    cluster.network.phones.pair(&two.api, "dies", "5511888888888").await;
    let expired = "SELECT count(*) FROM events WHERE event_type = 'instance.pairing_expired'";
    let expired: i64 = sqlx::query_scalar(expired).fetch_one(&cluster.pool).await.unwrap();
    assert_eq!(expired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_that_was_asked_for_and_never_begun_is_ended_too() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let mut one = cluster.node();
    one.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"})).await.expect(200);
    one.process.kill();
    // As if it had died before it took the lease.
    sqlx::query("DELETE FROM leases").execute(&cluster.pool).await.unwrap();
    let two = cluster.node();
    two.api.until_status("shop", "close").await;
}
