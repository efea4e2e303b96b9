//! Bulk sends on the real protocol, over kills and cancellations: one message a phone, whatever happens.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::api::Api;
use crate::support::lab::{KEY, NetworkProcess, Process};

const SHOP: &str = "5511888888888";
const RATE: &str = "INTERFLOW_BULK_RATE_PER_MINUTE";
const FAST: (&str, &str) = (RATE, "60000");
const SLOW: (&str, &str) = (RATE, "1");

/// The network, and a server against it whose bulk messages leave at some rate.
struct Shop {
    api: Api,
    network: NetworkProcess,
    data: TempDir,
    server: Process,
}

impl Shop {
    async fn open(environment: &[(&str, &str)]) -> Self {
        let network = NetworkProcess::start();
        let data = tempfile::tempdir().unwrap();
        let (server, url) = network.serve(data.path(), environment);
        let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
        network.phones.pair(&api, "shop", SHOP).await;
        Self { api, network, data, server }
    }

    /// Starts the server again after it was killed.
    async fn again(&mut self, environment: &[(&str, &str)]) {
        let (server, url) = self.network.serve(self.data.path(), environment);
        self.server = server;
        self.api.url = url;
        self.api.until_status("shop", "open").await;
    }

    /// How many messages the last job has taken.
    async fn accepted(&self) -> u64 {
        let jobs = self.api.get("/v1/jobs?per_page=1").await;
        jobs.body["data"][0]["accepted"].as_u64().unwrap_or_default()
    }

    async fn assert_one_each(&self, count: usize) {
        for index in 0..count {
            let received = self.network.phones.until_received(&number(index), 1).await;
            assert_eq!((received.len(), &received[0]["text"]), (1, &json!(text(index))));
        }
    }
}

fn number(index: usize) -> String {
    format!("55119700{index:05}")
}

fn text(index: usize) -> String {
    format!("message {index}")
}

fn bulk(count: usize) -> Value {
    let letter = |index| json!({"to": number(index), "type": "text", "content": {"text": text(index)}});
    json!({"channel_id": "shop", "messages": (0..count).map(letter).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_kill_broke_off_goes_on_where_it_was_when_it_is_repeated() {
    const COUNT: usize = 300;
    let mut shop = Shop::open(&[SLOW]).await;
    for _ in 0..2 {
        let before = shop.accepted().await;
        let api = shop.api.clone();
        let call = tokio::spawn(async move {
            let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "campaign")];
            let body = Some(bulk(COUNT).to_string());
            api.try_call(reqwest::Method::POST, "/v1/messages/bulk", &headers, body).await
        });
        while !call.is_finished() && shop.accepted().await == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        shop.server.kill();
        // Answered or not: the repetition must come to the same.
        drop(call.await.unwrap());
        shop.again(&[FAST]).await;
    }
    let answer = shop.api.post_once("/v1/messages/bulk", bulk(COUNT), "campaign").await;
    let location = answer.header("location").to_owned();
    let answer = answer.expect(202);
    assert_eq!(answer["data"]["accepted"], COUNT, "{answer}");
    let again = shop.api.post_once("/v1/messages/bulk", bulk(COUNT), "campaign").await.expect(202);
    assert_eq!(again, answer);
    let job = shop.api.until(&location, |body| body["data"]["status"] == "completed").await;
    assert_eq!(job["data"]["accepted"], COUNT);
    assert_eq!(shop.api.get("/v1/jobs").await.expect(200)["meta"]["total"], 1);
    assert_eq!(shop.api.get("/v1/customers?per_page=1").await.expect(200)["meta"]["total"], COUNT);
    shop.assert_one_each(COUNT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_sent_once_although_the_server_is_killed_while_it_sends() {
    const COUNT: usize = 60;
    let mut shop = Shop::open(&[FAST]).await;
    let answer = shop.api.post("/v1/messages/bulk", bulk(COUNT)).await;
    let location = answer.header("location").to_owned();
    assert_eq!(answer.expect(202)["data"]["accepted"], COUNT);
    let under_way = |body: &Value| body["data"]["progress"]["queued"].as_u64().unwrap() < 40;
    shop.api.until(&location, under_way).await;
    shop.server.kill();
    shop.again(&[FAST]).await;
    let job = shop.api.until(&location, |body| body["data"]["status"] == "completed").await;
    let progress = &job["data"]["progress"];
    assert_eq!((&progress["queued"], &progress["failed"]), (&json!(0), &json!(0)), "{job}");
    shop.assert_one_each(COUNT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_sends_sends_nothing_after_the_answer() {
    const COUNT: usize = 200;
    let shop = Shop::open(&[(RATE, "600")]).await;
    let answer = shop.api.post("/v1/messages/bulk", bulk(COUNT)).await;
    let location = answer.header("location").to_owned();
    answer.expect(202);
    let under_way = |body: &Value| body["data"]["progress"]["queued"].as_u64().unwrap() < 198;
    shop.api.until(&location, under_way).await;
    let cancelled = shop.api.post(&format!("{location}/cancel"), json!({})).await.expect(200);
    let job = &cancelled["data"];
    assert_eq!((&job["status"], &job["progress"]["queued"]), (&json!("cancelled"), &json!(0)));
    assert!(job["progress"]["cancelled"].as_u64().unwrap() > 50, "{job}");
    // Several turns would have come by now.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let mut arrived = 0;
    for index in 0..COUNT {
        let received = shop.network.phones.received(&number(index)).await.len();
        assert!(received <= 1);
        arrived += received;
    }
    let job = shop.api.get(&location).await.expect(200);
    let given_up = job["data"]["progress"]["cancelled"].as_u64().unwrap();
    assert_eq!(arrived as u64 + given_up, COUNT as u64, "each arrived or was given up: {job}");
}
