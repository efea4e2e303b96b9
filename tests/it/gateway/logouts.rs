//! A log-out whose keys are gone, and that cannot be recorded at that moment.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Executor, PgPool};

use crate::gateway::cluster::{Cluster, Node, SHOP};

const ANA: &str = "5511999999999";

/// From now on the database refuses the event.
async fn refuse(pool: &PgPool) {
    pool.execute(
        "CREATE OR REPLACE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'check_violation'; END $$; \
         CREATE TRIGGER refused BEFORE INSERT ON events FOR EACH ROW \
             WHEN (NEW.event_type = 'instance.logged_out') EXECUTE FUNCTION refused()",
    )
    .await
    .unwrap();
}

async fn accept(pool: &PgPool) {
    pool.execute("DROP TRIGGER refused ON events").await.unwrap();
}

async fn log_out(node: &Node) {
    let answer = node.api.post("/api/whatsapp/logout", json!({"instanceName": "shop"})).await;
    assert!(answer.status.is_server_error(), "{}", answer.text);
}

async fn keys(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM wa_keys").fetch_one(pool).await.unwrap()
}

fn is_logged_out(body: &Value) -> bool {
    body["data"]["status"] == "close" && body["data"]["last_disconnect"]["reason"] == "logged_out"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_that_could_not_be_recorded_is_recorded_as_soon_as_it_can_be() {
    let cluster = Cluster::new(Duration::from_secs(2)).await;
    let node = cluster.node();
    cluster.pair(&node).await;
    refuse(&cluster.pool).await;
    log_out(&node).await;
    assert_eq!(keys(&cluster.pool).await, 0);
    let channel = node.api.get("/v1/channels/shop").await.expect(200);
    assert!(!is_logged_out(&channel), "{channel}");
    accept(&cluster.pool).await;
    node.api.until("/v1/channels/shop", is_logged_out).await;
    assert_eq!(keys(&cluster.pool).await, 0, "no other device was made meanwhile");
    // The next connection is a new pairing.
    cluster.network.phones.pair(&node.api, "shop", SHOP).await;
    node.api.send("shop", ANA, "linked again").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_finds_a_log_out_that_was_never_recorded_and_so_does_who_asks_for_a_connection()
{
    // Nobody looks after sessions by itself within the test.
    let cluster = Cluster::new(Duration::from_secs(3600)).await;
    let node = cluster.node();
    cluster.pair(&node).await;
    refuse(&cluster.pool).await;
    log_out(&node).await;
    accept(&cluster.pool).await;
    let node = cluster.again(node);
    node.api.until("/v1/channels/shop", is_logged_out).await;

    cluster.network.phones.pair(&node.api, "shop", SHOP).await;
    refuse(&cluster.pool).await;
    log_out(&node).await;
    let connect = || node.api.post("/api/whatsapp/connect", json!({"instanceName": "shop"}));
    let refused = connect().await;
    assert!(refused.status.is_server_error(), "{}", refused.text);
    accept(&cluster.pool).await;
    cluster.network.phones.pair(&node.api, "shop", SHOP).await;
    let logged_out = "SELECT count(*) FROM events WHERE event_type = 'instance.logged_out'";
    let logged_out: i64 = sqlx::query_scalar(logged_out).fetch_one(&cluster.pool).await.unwrap();
    assert_eq!(logged_out, 2);
}
