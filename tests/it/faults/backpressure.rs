//! A flood: bounded, answered, and nobody else's. Over HTTP, against a real server.
//!
//! `INTERFLOW_TEST_FLOOD=10000` is the whole of it (`make flood`); each call holds two file descriptors of this
//! machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use interflow::auth::generate_key;
use interflow_application::{Actor, Context, EnsureWorkspace, IssueKey, workspace_id};
use interflow_domain::WorkspaceId;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope};
use interflow_embedded_postgres::EmbeddedPostgres;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::keyring;
use interflow_vault::MasterKey;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::model::from_environment;
use super::neighbours::core;
use super::servers::{MASTER, census, default_log, start};
use crate::support::api::Api;

/// What one key, or one workspace's queue, may have waiting.
const WAITING: usize = 1024;
/// What a server may need at the most while it is flooded: the test's bound is about floods that are kept, not about
/// what a page of memory costs.
const MOST_MEMORY_KIB: u64 = 1024 * 1024;

/// Another tenant of the server.
pub async fn tenant(options: Options, api: &Api, plan: Plan) -> Api {
    let pool = database::connect(options).await.unwrap();
    let keys = keyring::open(&pool, &MasterKey::parse(MASTER).unwrap(), None).await.unwrap();
    let log = PgEventLog::start(pool.clone(), keys, Arc::new(SystemIds), Settings::default());
    let (core, secret) = (core(&pool, &log), generate_key());
    let slug: interflow_domain::WorkspaceSlug = "other".parse().unwrap();
    let context = Context::internal(workspace_id(&slug), Actor::Operator, "req_test".to_owned());
    core.run(&context, &EnsureWorkspace { slug, plan }).await.unwrap();
    let key = IssueKey {
        name: "Test".parse().unwrap(),
        scopes: vec![Scope::All],
        secret: secret.clone(),
        expires_at: None,
        origin: KeyOrigin::Issued,
    };
    core.run(&context, &key).await.unwrap();
    log.close().await;
    pool.close().await;
    Api { key: Some(secret), http: reqwest::Client::new(), url: api.url.clone() }
}

/// A session that holds the default workspace's head, so that the flood stands.
async fn dam(options: &Options, workspace: WorkspaceId) -> PgConnection {
    let mut dam = PgConnection::connect_with(&options.connect).await.unwrap();
    sqlx::query("BEGIN").execute(&mut dam).await.unwrap();
    let lock = "SELECT FROM heads WHERE workspace_id = $1 FOR UPDATE";
    sqlx::query(lock).bind(workspace.uuid()).execute(&mut dam).await.unwrap();
    dam
}

/// The most memory that a process has had, in KiB.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded_and_answered_and_another_tenant_is_served_while_it_stands() {
    let flood = usize::try_from(from_environment("INTERFLOW_TEST_FLOOD", 1600)).unwrap();
    assert!(flood > WAITING + 100, "a flood is more than may wait");
    let data = tempfile::tempdir().unwrap();
    let (mut server, api) = start(data.path(), None, &[]);
    let postgres = EmbeddedPostgres::attach(data.path()).await.unwrap();
    let options = Options::parse(&postgres.url()).unwrap();
    let other = tenant(options.clone(), &api, Plan::Unlimited).await;
    let dam = dam(&options, workspace_id(&"default".parse().unwrap())).await;

    let answered = Arc::new(AtomicUsize::new(0));
    let calls = join_all((0..flood).map(|n| {
        let (api, answered) = (api.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let body = json!({"name": "Ana", "email": format!("flood-{n}@example.com")});
            let answer = api.post("/v1/customers", body).await;
            answered.fetch_add(1, Ordering::SeqCst);
            answer
        })
    }));
    let others = async {
        // The excess is refused while nothing moves: the queue is full.
        while answered.load(Ordering::SeqCst) < flood - WAITING {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        for n in 0..20 {
            let body = json!({"name": "Ana", "email": format!("other-{n}@example.com")});
            other.post("/v1/customers", body).await.expect(201);
        }
        let standing = flood - answered.load(Ordering::SeqCst);
        assert!(standing > 0, "the other tenant was served only after the flood had run off");
        drop(dam);
    };
    let (calls, ()) = tokio::join!(calls, others);
    let mut created = 0;
    for answer in calls.into_iter().map(Result::unwrap) {
        if answer.status == 201 {
            created += 1;
        } else {
            assert_eq!(answer.header("retry-after"), "1", "{}", answer.text);
            answer.refused(503, "UNAVAILABLE");
        }
    }
    assert!(created <= WAITING, "{created} were taken");
    let peak = peak_memory(server.id());
    assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
    let census = census(options).await;
    let logged = default_log(&census).iter().filter(|event| event.event.event_type() == "customer.created");
    assert_eq!(logged.count(), created, "what was refused is not there, and what was acknowledged is");
    // And when it is over, it is over.
    let after = json!({"name": "Ana", "email": "after-the-flood@example.com"});
    api.post("/v1/customers", after).await.expect(201);
    assert!(server.terminate().success());
}
