//! Whole servers over HTTP: `kill -9` at every step of an append, and three of them on one database.
//!
//! Callers give every creation an idempotency key and repeat what was not answered, as they should.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use interflow_application::log::{Event, RecordedEvent};
use interflow_application::workspace_id;
use interflow_domain::customer::CustomerEvent;
use interflow_embedded_postgres::EmbeddedPostgres;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{PgEventLog, Settings, Step};
use interflow_infrastructure::keyring;
use interflow_vault::MasterKey;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answer, Api};
use crate::support::database::Database;
use crate::support::invariants::{self, Census};
use crate::support::lab::{KEY, Process};

pub const MASTER: &str = "1717171717171717171717171717171717171717171717171717171717171717";
/// Nobody is there; no channel is linked in these tests.
const NO_NETWORK: &str = "ws://127.0.0.1:9/ws/chat";

/// A server of the lab, on its embedded Postgres unless a URL is given.
pub fn start(data: &Path, database: Option<&str>, environment: &[(&str, &str)]) -> (Process, Api) {
    let data = data.to_str().unwrap();
    let mut arguments =
        vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--whatsapp", NO_NETWORK];
    arguments.extend(database.into_iter().flat_map(|url| ["--database-url", url]));
    let mut all = vec![("INTERFLOW_MASTER_KEY", MASTER), ("INTERFLOW_LOG", "error")];
    all.extend(environment);
    let (server, [url]) = Process::start("interflow-lab", &arguments, &all, ["URL"]);
    (server, Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) })
}

/// Checks the database that a server has, which is at rest.
pub async fn census(options: Options) -> Census {
    let pool = database::connect(options).await.unwrap();
    let keys = keyring::open(&pool, &MasterKey::parse(MASTER).unwrap(), None).await.unwrap();
    let log = PgEventLog::start(pool.clone(), keys, Arc::new(SystemIds), Settings::default());
    let census = invariants::hold(&pool, &log).await;
    log.close().await;
    pool.close().await;
    census
}

/// The events of the workspace that a fresh server has.
pub fn default_log(census: &Census) -> &[RecordedEvent] {
    census.of(workspace_id(&"default".parse().unwrap()))
}

/// Repeats a call until it is answered with something else than "not now".
async fn insist(api: &Mutex<Api>, method: Method, path: &str, body: &Value, key: Option<&str>) -> Answer {
    loop {
        let api = api.lock().unwrap().clone();
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        match api.try_call(method.clone(), path, &headers, Some(body.to_string())).await {
            Ok(answer) if answer.status != 503 && answer.body["error"]["code"] != "IDEMPOTENCY_IN_FLIGHT" => {
                return answer;
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_at_any_step_of_an_append_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let doom = |step: Step| format!("{step:?}:7");
    let (mut server, api) = start(data.path(), None, &[("INTERFLOW_LAB_KILL_AT", &doom(Step::ALL[0]))]);
    let (api, done) = (Arc::new(Mutex::new(api)), Arc::new(AtomicBool::new(false)));
    let callers = join_all((0..6).map(|caller| {
        let (api, done) = (Arc::clone(&api), Arc::clone(&done));
        tokio::spawn(async move {
            let mut created = vec![];
            while !done.load(Ordering::SeqCst) {
                let number = format!("55119{caller:02}{:06}", created.len());
                let body = json!({"name": "Ana", "phone": number});
                let answer = insist(&api, Method::POST, "/v1/customers", &body, Some(&number)).await;
                created.push(answer.expect(201)["data"]["id"].as_str().unwrap().to_owned());
            }
            created
        })
    }));
    let deaths = async {
        for next in Step::ALL.into_iter().skip(1).map(Some).chain([None]) {
            while !server.has_ended() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let doom = next.map(doom);
            let environment: Vec<_> =
                doom.iter().map(|doom| ("INTERFLOW_LAB_KILL_AT", doom.as_str())).collect();
            let (again, address) = start(data.path(), None, &environment);
            (server, *api.lock().unwrap()) = (again, address);
        }
        done.store(true, Ordering::SeqCst);
    };
    let (callers, ()) = tokio::join!(callers, deaths);
    let mut created: Vec<String> = callers.into_iter().flat_map(Result::unwrap).collect();

    let postgres = EmbeddedPostgres::attach(data.path()).await.unwrap();
    let census = census(Options::parse(&postgres.url()).unwrap()).await;
    let mut logged: Vec<String> = default_log(&census).iter().filter_map(creation).collect();
    created.sort_unstable();
    logged.sort_unstable();
    assert_eq!(created, logged, "lost or doubled");
    assert!(server.terminate().success());
}

fn creation(event: &RecordedEvent) -> Option<String> {
    matches!(event.event, Event::Customer(CustomerEvent::CustomerCreated { .. }))
        .then(|| event.stream.aggregate_id())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_on_one_database_share_fifty_hot_customers_and_one_of_them_dies() {
    let options = Database::empty_options(Some("interflow_template")).await;
    let socket = options.get_socket().unwrap().display().to_string();
    let (name, user) = (options.get_database().unwrap(), options.get_username());
    let url = format!("postgres:///{name}?host={socket}&user={user}&port={}", options.get_port());
    let places: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let environment = [("INTERFLOW_DATABASE_CONNECTIONS", "8")];
    let mut servers: Vec<_> =
        places.iter().map(|place| start(place.path(), Some(&url), &environment)).collect();
    let apis: Vec<_> = servers.iter().map(|(_, api)| Mutex::new(api.clone())).collect();
    let apis = Arc::new(apis);
    let customers = join_all((0..50).map(|n| {
        let apis = &apis;
        async move {
            let number = format!("5511999990{n:03}");
            let body = json!({"name": "Ana", "phone": number});
            let answer = insist(&apis[n % 3], Method::POST, "/v1/customers", &body, Some(&number)).await;
            answer.expect(201)["data"]["id"].as_str().unwrap().to_owned()
        }
    }))
    .await;
    let customers = Arc::new(customers);
    let callers: Vec<_> = (0..12)
        .map(|caller| {
            let (apis, customers) = (Arc::clone(&apis), Arc::clone(&customers));
            tokio::spawn(async move {
                for n in 0..25 {
                    let path = format!("/v1/customers/{}", customers[(caller * 7 + n * 11) % 50]);
                    let body = json!({"name": format!("caller {caller} call {n}")});
                    // Whoever loses ten times in a row is told, and asks again.
                    while insist(&apis[caller % 3], Method::PATCH, &path, &body, None).await.status == 409 {}
                }
            })
        })
        .collect();
    // One of them dies while they work, and comes again.
    let path = format!("/v1/customers/{}", customers[0]);
    let alive = apis[0].lock().unwrap().clone();
    alive.until(&path, |body| body["data"]["name"] != "Ana").await;
    servers[2].0.kill();
    let (again, api) = start(places[2].path(), Some(&url), &environment);
    *apis[2].lock().unwrap() = api;
    servers[2].0 = again;
    for caller in callers {
        caller.await.unwrap();
    }
    let census = census(Options::new(options)).await;
    let events = default_log(&census);
    assert_eq!(events.iter().filter_map(creation).count(), 50);
    let renames: Vec<String> = events.iter().filter_map(rename).collect();
    // A call that died unanswered was repeated without a key, and may be there twice; none is missing.
    for caller in 0..12 {
        for n in 0..25 {
            let name = format!("caller {caller} call {n}");
            let times = renames.iter().filter(|found| **found == name).count();
            let wanted = if caller % 3 == 2 { 1..=2 } else { 1..=1 };
            assert!(wanted.contains(&times), "{name} is there {times} times");
        }
    }
    for (server, _) in &mut servers {
        assert!(server.terminate().success());
    }
}

fn rename(event: &RecordedEvent) -> Option<String> {
    match &event.event {
        Event::Customer(CustomerEvent::CustomerUpdated { profile }) => {
            profile.name.as_ref().and_then(|name| name.get()).map(ToString::to_string)
        }
        _ => None,
    }
}
