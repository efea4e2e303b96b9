//! The sessions that talked with whoever is erased begin anew, and the log says that, and nothing else.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::lab::{KEY, LOG_FILE, NetworkProcess};

const SHOP: &str = "5511888888888";
const ANA: &str = "5511999999999";

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_told_in_the_log_as_what_it_is() {
    let (network, data) = (NetworkProcess::start(), tempfile::tempdir().unwrap());
    let log = data.path().join("log");
    let environment = [(LOG_FILE, log.to_str().unwrap()), ("INTERFLOW_LOG", "interflow=info")];
    let (mut server, url) = network.serve(&data.path().join("data"), &environment);
    let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
    network.phones.pair(&api, "shop", SHOP).await;
    for turn in 1..=3 {
        network.phones.write(ANA, "Ana", SHOP, "hello").await;
        let found = api.until(&format!("/v1/customers?phone={ANA}"), |body| body["meta"]["total"] == 1).await;
        let id = found["data"][0]["id"].as_str().unwrap().to_owned();
        api.post(&format!("/v1/customers/{id}/erase"), json!({})).await.expect(200);
        let begin = Instant::now();
        while network.phones.logins(SHOP).await <= turn {
            assert!(begin.elapsed() < PATIENCE, "it does not connect anew");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        api.until_status("shop", "open").await;
    }
    server.terminate();
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text.matches("connects anew, because a customer of it was erased").count(), 3, "{text}");
    for wrong in ["another server", "was lost", "could not be connected"] {
        assert!(!text.contains(wrong), "{wrong}: {text}");
    }
}
