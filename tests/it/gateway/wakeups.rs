//! Two servers on one database, and sends accepted by the one that does not have the channel.

use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_infrastructure::wakeups::APPLICATION_NAME;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use crate::gateway::cluster::{Cluster, Node};
use crate::hosted::pooler::Pooler;
use crate::support::PATIENCE;
use crate::support::database::Database;

const ANA: &str = "5511999999999";
const EXPIRY: Duration = Duration::from_secs(15);
/// What the owner of a channel would sleep if nobody told it.
const POLL: Duration = Duration::from_secs(30);

/// The server that has the channel, and one that has not.
async fn two(cluster: &Cluster) -> (Node, Node) {
    let owner = cluster.node();
    cluster.pair(&owner).await;
    (owner, cluster.node())
}

/// WhatsApp has it, and maybe the phone by now.
fn is_out(answer: &Value) -> bool {
    ["sent", "delivered", "read"].map(Value::from).contains(&answer["data"]["status"])
}

/// How many connections listen.
async fn listening(pool: &PgPool) -> i64 {
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1";
    sqlx::query_scalar(sql).bind(APPLICATION_NAME).fetch_one(pool).await.unwrap()
}

async fn until_both_listen(pool: &PgPool) {
    let begin = Instant::now();
    while listening(pool).await < 2 {
        assert!(begin.elapsed() < PATIENCE, "not both servers listen");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_is_answered_as_sent_whichever_server_accepts_it() {
    let cluster = Cluster::new(EXPIRY).await;
    let (_owner, other) = two(&cluster).await;
    let begin = Instant::now();
    for number in 0..3 {
        let text = format!("message {number}");
        let sent = other.api.send("shop", ANA, &text).await.expect(201);
        assert!(is_out(&sent), "{sent}");
    }
    let sends = (0..20).map(|number| {
        let api = &other.api;
        async move { api.send("shop", &format!("55119999010{number:02}"), "to many").await.expect(201) }
    });
    for sent in join_all(sends).await {
        assert!(is_out(&sent), "{sent}");
    }
    cluster.network.phones.leave("5511999990404").await;
    other.api.send("shop", "5511999990404", "nobody").await.refused(422, "NUMBER_NOT_ON_WHATSAPP");
    assert!(begin.elapsed() < POLL, "nobody waited for a poll");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_gets_out_while_the_connections_that_listen_are_killed_again_and_again() {
    let cluster = Cluster::new(EXPIRY).await;
    let (_owner, other) = two(&cluster).await;
    until_both_listen(&cluster.pool).await;
    let pool = cluster.pool.clone();
    let killer = tokio::spawn(async move {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = $1";
        let mut killed = 0;
        loop {
            let query = sqlx::query_scalar::<_, i64>(sql).bind(APPLICATION_NAME);
            killed += query.fetch_one(&pool).await.unwrap();
            if killed > 8 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    for number in 0..3 {
        let text = format!("message {number}");
        let sent = other.api.send("shop", ANA, &text).await.expect(201);
        assert!(is_out(&sent), "{sent}");
    }
    killer.await.unwrap();
    // And they listen again.
    until_both_listen(&cluster.pool).await;
    other.api.send("shop", ANA, "the last").await.expect(201);
    let received = cluster.network.phones.until_received(ANA, 4).await;
    assert_eq!(received.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_where_nobody_can_listen_a_poll_finds_the_send() {
    let direct = Database::empty_options(None).await;
    let Some(pooler) = Pooler::start(&direct, false) else { return };
    let url = pooler.url("127.0.0.1", &direct, "");
    let cluster = Cluster::on(direct, url, EXPIRY);
    let (_owner, other) = two(&cluster).await;
    let begin = Instant::now();
    let sent = other.api.send("shop", ANA, "hello").await.expect(201);
    assert!(is_out(&sent), "{sent}");
    assert!(begin.elapsed() < POLL, "the senders' own poll is the slower one");
    assert_eq!(cluster.network.phones.texts(ANA).await, ["hello"]);
    assert_eq!(listening(&cluster.pool).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_as_long_as_there_is_somebody_to_tell() {
    let cluster = Cluster::new(EXPIRY).await;
    let alone = cluster.node();
    let mut heard = PgListener::connect_with(&cluster.pool).await.unwrap();
    heard.listen("interflow").await.unwrap();
    let create = async |name: &str| {
        let body = json!({"name": name, "email": format!("{name}@example.com")});
        alone.api.post("/v1/customers", body).await.expect(201)
    };
    create("ana").await;
    // Longer than the pauses after which it looks for others.
    assert!(timeout(Duration::from_millis(1500), heard.recv()).await.is_err(), "it tells nobody");
    let _other = cluster.node();
    create("bea").await;
    let told = timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    assert!(told.payload().starts_with('a'), "{}", told.payload());
}
