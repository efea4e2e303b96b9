use futures::future::join_all;
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::Settings;
use serde_json::json;

use super::pooler::Pooler;
use crate::faults::load::{Load, process};
use crate::faults::servers::{census, default_log, start};
use crate::support::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_behind_a_pooler_is_the_same_log() {
    let direct = Database::empty_options(None).await;
    let Some(pooler) = Pooler::start(&direct, false) else { return };
    let pool = || async {
        let options = Options::parse(&pooler.url("127.0.0.1", &direct, "")).unwrap();
        database::connect(Options { max_connections: 8, ..options }).await.unwrap()
    };
    // Three processes, with more connections than the pooler has, from the first migration on.
    let pools = join_all([pool(), pool(), pool()]).await;
    assert!(join_all(pools.iter().map(database::migrate)).await.iter().all(Result::is_ok));
    let logs: Vec<_> = pools.iter().map(|pool| process(pool, Settings::default())).collect();
    let load = Load::of(1);
    let told = load.run(&logs).await;
    load.check(&database::connect(Options::new(direct)).await.unwrap(), &told).await;
    load.check(&pools[0], &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_server_runs_behind_a_pooler() {
    let direct = Database::empty_options(None).await;
    let Some(pooler) = Pooler::start(&direct, false) else { return };
    let data = tempfile::tempdir().unwrap();
    let (mut server, api) = start(data.path(), Some(&pooler.url("127.0.0.1", &direct, "")), &[]);
    let created = join_all((0..40).map(|n| {
        let api = &api;
        async move {
            let (body, key) = (
                json!({"name": format!("Ana {n}"), "email": format!("ana-{n}@example.com")}),
                format!("key {n}"),
            );
            let first = api.post_once("/v1/customers", body.clone(), &key).await.expect(201);
            let again = api.post_once("/v1/customers", body, &key).await.expect(201);
            assert_eq!(first, again);
            let path = format!("/v1/customers/{}", first["data"]["id"].as_str().unwrap());
            assert_eq!(api.get(&path).await.expect(200)["data"]["name"], format!("Ana {n}"));
            api.patch(&path, json!({"name": "Bea"})).await.expect(200);
        }
    }));
    assert_eq!(created.await.len(), 40);
    let listed = api.get("/v1/customers?per_page=100").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 40);
    assert!(server.terminate().success());
    let census = census(Options::new(direct)).await;
    let created = default_log(&census).iter().filter(|event| event.event.event_type() == "customer.created");
    assert_eq!(created.count(), 40);
}
