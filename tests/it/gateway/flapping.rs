//! A connection that keeps breaking is tried less and less often, and one event says so.

use std::time::Duration;

use interflow_domain::instance::FLAPPING_DISCONNECTS;

use crate::gateway::cluster::{Cluster, SHOP};

async fn events(cluster: &Cluster, kind: &str) -> usize {
    let query = sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = $1").bind(kind);
    let count: i64 = query.fetch_one(&cluster.pool).await.unwrap();
    usize::try_from(count).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_keeps_breaking_raises_one_alarm() {
    let cluster = Cluster::new(Duration::from_secs(15)).await;
    let node = cluster.node();
    cluster.pair(&node).await;
    let phones = &cluster.network.phones;
    for cut in 1..=FLAPPING_DISCONNECTS + 1 {
        let logins = phones.logins(SHOP).await;
        phones.cut(SHOP).await;
        let begin = std::time::Instant::now();
        while events(&cluster, "instance.disconnected").await < cut {
            assert!(begin.elapsed() < crate::support::PATIENCE);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        assert_eq!(
            events(&cluster, "instance.flapping_detected").await,
            usize::from(cut >= FLAPPING_DISCONNECTS)
        );
        node.api.until_status("shop", "open").await;
        assert_eq!(phones.logins(SHOP).await, logins + 1, "one attempt a break");
    }
    let sql = "SELECT payload->>'disconnects' FROM events WHERE event_type = 'instance.flapping_detected'";
    let said: String = sqlx::query_scalar(sql).fetch_one(&cluster.pool).await.unwrap();
    assert_eq!(said, FLAPPING_DISCONNECTS.to_string());
}
