//! Health, shutdown and time-outs.

use std::time::Duration;

use serde_json::json;

use super::server::Server;
use crate::support::api::Api;

#[tokio::test]
async fn a_server_that_runs_is_live_and_ready_without_a_key() {
    let server = Server::start().await;
    let stranger = Api { key: None, ..server.api.clone() };
    assert_eq!(stranger.get("/health/live").await.expect(200)["data"], json!({"status": "live"}));
    assert_eq!(stranger.get("/health/ready").await.expect(200)["data"], json!({"status": "ready"}));
}

#[tokio::test]
async fn without_its_database_a_server_is_live_but_not_ready() {
    let server = Server::start().await;
    server.api.get("/v1/customers").await.expect(200);
    server.lose_database().await;
    server.api.get("/health/live").await.expect(200);
    let begin = std::time::Instant::now();
    server.api.get("/health/ready").await.refused(503, "UNAVAILABLE");
    assert!(begin.elapsed() < Duration::from_secs(1));
    let refused = server.api.get("/v1/customers").await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.refused(503, "UNAVAILABLE");
}

#[tokio::test]
async fn a_shutdown_lets_requests_finish() {
    let server =
        Server::with(|config| interflow::Config { send_wait: Duration::from_secs(10), ..config }).await;
    server.acknowledge_after(Duration::from_secs(1)).await;
    server.open_channel("shop").await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    let Server { api, running, .. } = server;
    let sending = tokio::spawn({
        let api = api.clone();
        async move { api.post("/v1/messages/send", letter).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begin = std::time::Instant::now();
    running.shutdown().await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert_eq!(sending.await.unwrap().expect(201)["data"]["status"], "sent");
    assert!(
        api.http.get(format!("{}/health/live", api.url)).send().await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up_in_the_envelope() {
    let brief = Duration::from_secs(2);
    let server = Server::with(|config| interflow::Config {
        request_timeout: brief,
        send_wait: Duration::from_secs(20),
        ..config
    });
    let server = server.await;
    server.acknowledge_after(Duration::from_secs(20)).await;
    server.open_channel("shop").await;
    let letter =
        json!({"channel_id": "shop", "to": "5511999999999", "type": "text", "content": {"text": "x"}});
    server.api.post("/v1/messages/send", letter).await.refused(503, "UNAVAILABLE");
}
