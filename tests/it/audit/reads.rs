//! `GET /v1/audit/reads`: who has seen what.

use std::time::Duration;

use interflow::Config;
use interflow_domain::workspace::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::server::Server;
use crate::support::api::{Api, fields};
use crate::support::lab::Lab;

async fn customer(api: &Api, email: &str) -> String {
    api.post("/v1/customers", json!({"email": email})).await.expect(201)["data"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// How often somebody read something, over all minutes.
fn reads(page: &Value) -> u64 {
    page["data"].as_array().unwrap().iter().map(|read| read["reads"].as_u64().unwrap()).sum()
}

async fn until_read(api: &Api, query: &str, wanted: u64) -> Value {
    api.until(&format!("/v1/audit/reads?per_page=100&{query}"), |page| reads(page) == wanted).await
}

#[tokio::test]
async fn who_saw_a_customer_is_told_with_when_how_often_and_from_where() {
    let server =
        Server::with(|config| Config { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..config })
            .await;
    let (ana, bea) =
        (customer(&server.api, "ana@example.com").await, customer(&server.api, "bea@example.com").await);
    let agent = server.another("default", &[Scope::CustomersRead], None).await;
    for address in ["203.0.113.7", "203.0.113.8", "203.0.113.7"] {
        let headers = [("X-Forwarded-For", address)];
        agent.call(Method::GET, &format!("/v1/customers/{ana}"), &headers, None::<&str>).await.expect(200);
    }
    let shown = agent.get(&format!("/v1/customers/{bea}")).await;
    let known = [("If-None-Match", shown.header("etag"))];
    let again = agent.call(Method::GET, &format!("/v1/customers/{bea}"), &known, None::<&str>).await;
    assert_eq!(again.status, 304);
    agent.get("/v1/customers?per_page=1").await.expect(200);
    // What was refused, or not there, was not seen.
    agent.get("/v1/keys").await.refused(403, "FORBIDDEN");
    agent.get("/v1/customers/cus_01h455vb4pex5vsknk084sn02q").await.refused(404, "NOT_FOUND");

    let seen = until_read(&server.api, &format!("resource_id={ana}"), 3).await;
    let read = &seen["data"][0];
    assert_eq!(read["resource"], "customers");
    let (first, last) = (read["first_at"].as_str().unwrap(), read["last_at"].as_str().unwrap());
    assert!(read["minute"].as_str().unwrap() <= first && first <= last);
    let mut from: Vec<&str> = seen["data"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|read| {
            read["client_addresses"].as_array().unwrap().iter().map(|address| address.as_str().unwrap())
        })
        .collect();
    from.sort_unstable();
    from.dedup();
    assert_eq!(from, ["203.0.113.7", "203.0.113.8"]);
    until_read(&server.api, &format!("resource_id={bea}"), 2).await;
    let actor = read["actor"].as_str().unwrap();
    let lists = until_read(&server.api, &format!("actor={actor}&resource=customers"), 6).await;
    let list = lists["data"].as_array().unwrap().iter().find(|read| read["resource_id"].is_null()).unwrap();
    assert_eq!((&list["reads"], &list["items"]), (&json!(1), &json!(1)));
    assert_eq!(
        reads(&server.api.get(&format!("/v1/audit/reads?actor={actor}&resource=keys")).await.expect(200)),
        0
    );
}

#[tokio::test]
async fn entries_are_filtered_paged_and_one_workspaces_alone() {
    let server = Server::start().await;
    let ids = [customer(&server.api, "a@example.com").await, customer(&server.api, "b@example.com").await];
    let agent = server.another("default", &[Scope::All], None).await;
    let stranger = server.another("second", &[Scope::All], None).await;
    for id in &ids {
        agent.get(&format!("/v1/customers/{id}")).await.expect(200);
        stranger.get(&format!("/v1/customers/{id}")).await.refused(404, "NOT_FOUND");
    }
    stranger.get("/v1/customers").await.expect(200);
    for id in &ids {
        until_read(&server.api, &format!("resource_id={id}"), 1).await;
    }
    let theirs = stranger.until("/v1/audit/reads?resource=customers", |page| reads(page) == 1).await;
    assert!(theirs["data"][0]["resource_id"].is_null());

    let first = server.api.get("/v1/audit/reads?resource=customers&per_page=1&sort=minute").await.expect(200);
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    let path = format!("/v1/audit/reads?resource=customers&per_page=1&sort=minute&cursor={cursor}");
    let second = server.api.get(&path).await.expect(200);
    assert_ne!(first["data"][0]["resource_id"], second["data"][0]["resource_id"]);
    let cursor = second["meta"]["previous_cursor"].as_str().unwrap();
    let path = format!("/v1/audit/reads?resource=customers&per_page=1&sort=minute&cursor={cursor}");
    assert_eq!(server.api.get(&path).await.expect(200)["data"], first["data"]);
    let minute = first["data"][0]["minute"].as_str().unwrap();
    let none =
        server.api.get(&format!("/v1/audit/reads?resource=customers&seen_before={minute}")).await.expect(200);
    assert_eq!(none["data"], json!([]));
    let all =
        server.api.get(&format!("/v1/audit/reads?resource=customers&seen_after={minute}")).await.expect(200);
    assert_eq!(reads(&all), 2);
    let wrong = server.api.get("/v1/audit/reads?actor=me&resource=&seen_after=x&page=1").await;
    let wrong = wrong.refused(422, "VALIDATION_ERROR");
    let mut wrong = fields(&wrong);
    wrong.sort_unstable();
    assert_eq!(wrong, ["actor", "page", "resource", "seen_after"]);
    let auditor = server.another("default", &[Scope::CustomersRead, Scope::EventsRead], None).await;
    auditor.get("/v1/audit/reads").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn a_server_that_stops_writes_down_what_was_seen_last() {
    let server = Server::start().await;
    let id = customer(&server.api, "ana@example.com").await;
    for _ in 0..3 {
        server.api.get(&format!("/v1/customers/{id}")).await.expect(200);
    }
    let server = server.restarted().await;
    let page = server.api.get(&format!("/v1/audit/reads?resource_id={id}")).await.expect(200);
    assert_eq!(reads(&page), 3, "at once, without waiting for it");
    // The next run counts for itself, in the same minute too.
    server.api.get(&format!("/v1/customers/{id}")).await.expect(200);
    until_read(&server.api, &format!("resource_id={id}"), 4).await;
}

#[tokio::test]
async fn a_second_after_it_was_seen_a_kill_takes_nothing_away() {
    let mut lab = Lab::start();
    let id = customer(&lab.api, "ana@example.com").await;
    lab.api.get(&format!("/v1/customers/{id}")).await.expect(200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    lab.server.kill();
    lab.restart();
    let page = lab.api.get(&format!("/v1/audit/reads?resource_id={id}")).await.expect(200);
    assert_eq!(reads(&page), 1);
}

#[tokio::test]
async fn a_database_that_is_away_for_a_while_loses_no_count() {
    let server = Server::start().await;
    let id = customer(&server.api, "ana@example.com").await;
    let pool = server.pool().await;
    // Whoever writes entries waits for this, longer than the server's patience with a single write.
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE audit_reads").execute(&mut *transaction).await.unwrap();
    for _ in 0..5 {
        server.api.get(&format!("/v1/customers/{id}")).await.expect(200);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let waiting = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE 'INSERT INTO audit_reads%' AND wait_event_type = 'Lock'";
    let cancelled: Vec<bool> = sqlx::query_scalar(waiting).fetch_all(&pool).await.unwrap();
    assert_eq!(cancelled, [true], "one writes at a time, and nobody who reads waits for it");
    transaction.rollback().await.unwrap();
    until_read(&server.api, &format!("resource_id={id}"), 5).await;
}

#[tokio::test]
async fn reading_is_not_noted_where_the_operator_says_so() {
    let server = Server::with(|config| Config { audit_reads: false, ..config }).await;
    server.api.get("/v1/customers").await.expect(200);
    let server = server.restarted().await;
    assert_eq!(server.api.get("/v1/audit/reads").await.expect(200)["data"], json!([]));
}
