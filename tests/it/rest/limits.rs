//! The requests a plan allows: exactly so many over all servers, divided among the keys, and told in headers.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use interflow_application::limits::{Limiter, Standing};
use interflow_application::log::StreamId;
use interflow_application::{Actor, Context, Decision, EnsureWorkspace, Error, UseCase, workspace_id};
use interflow_domain::workspace::{Plan, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{KeyId, WorkspaceId, WorkspaceSlug};
use interflow_infrastructure::database::Options;
use interflow_infrastructure::limiter::PgLimiter;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use sqlx::PgPool;
use uuid::Uuid;

use super::server::Server;
use crate::faults::backpressure::tenant;
use crate::faults::servers::start;
use crate::support::api::Api;
use crate::support::database::Database;

const MINE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));
const STARTER: u32 = 60;

const fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

/// A limiter on a database of its own, whose clock can be moved.
struct Bench {
    limiter: PgLimiter,
    pool: PgPool,
    quota: u32,
}

impl Bench {
    async fn new(quota: u32) -> Self {
        let pool = Database::new().await.pool;
        Self { limiter: PgLimiter::new(pool.clone()), pool, quota }
    }

    async fn ask(&self, asker: KeyId) -> Standing {
        self.limiter.count(MINE, asker, self.quota, 1).await.unwrap()
    }

    /// How many of so many requests are admitted.
    async fn asks(&self, asker: KeyId, times: u32) -> u32 {
        let mut admitted = 0;
        for _ in 0..times {
            admitted += u32::from(self.ask(asker).await.admitted);
        }
        admitted
    }

    /// The clock goes on; a negative length sets it back.
    async fn pass(&self, seconds: f64) {
        let sql = "UPDATE request_windows SET ends_at = ends_at - make_interval(secs => $1)";
        sqlx::query(sql).bind(seconds).execute(&self.pool).await.unwrap();
    }
}

#[tokio::test]
async fn a_window_admits_exactly_its_quota_and_the_next_one_begins_anew() {
    let bench = Bench::new(STARTER).await;
    let first = bench.ask(key(1)).await;
    assert!(first.admitted && first.remaining == 59 && first.resets_in == Duration::from_secs(60));
    assert_eq!(bench.asks(key(1), 100).await, 59);
    bench.pass(30.0).await;
    let refused = bench.ask(key(1)).await;
    assert!(!refused.admitted && refused.remaining == 0);
    assert!((20..=30).contains(&refused.resets_in.as_secs()), "{refused:?}");
    bench.pass(30.0).await;
    assert_eq!(bench.asks(key(1), 100).await, STARTER);
}

#[tokio::test]
async fn another_workspace_counts_for_itself() {
    let bench = Bench::new(STARTER).await;
    assert_eq!(bench.asks(key(1), 61).await, STARTER);
    let other = WorkspaceId::new(Uuid::from_u128(2));
    assert!(bench.limiter.count(other, key(1), STARTER, 1).await.unwrap().admitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_is_met_exactly_by_those_who_ask_at_the_same_time() {
    let database = Database::new().await;
    let limiters = [PgLimiter::new(database.pool.clone()), PgLimiter::new(database.another_pool().await)];
    let calls = join_all((0..150).map(|n| {
        let limiter = limiters[n % 2].clone();
        tokio::spawn(
            async move { limiter.count(MINE, key(n as u128 % 3), STARTER, 1).await.unwrap().admitted },
        )
    }));
    let admitted = calls.await.into_iter().filter(|admitted| *admitted.as_ref().unwrap()).count();
    assert_eq!(admitted, STARTER as usize);
}

#[tokio::test]
async fn a_flood_cannot_take_what_another_key_used_in_the_window_before() {
    let (bench, flood, quiet) = (Bench::new(STARTER).await, key(1), key(2));
    assert_eq!((bench.asks(quiet, 10).await, bench.asks(flood, 200).await), (10, 50));
    bench.pass(60.0).await;
    assert_eq!((bench.asks(flood, 200).await, bench.asks(quiet, 10).await), (50, 10));
    // What it leaves unused is anybody's from the next window on.
    bench.pass(60.0).await;
    assert_eq!(bench.asks(flood, 200).await, 50);
    bench.pass(60.0).await;
    assert_eq!(bench.asks(flood, 200).await, STARTER);
}

#[tokio::test]
async fn a_key_that_was_refused_has_an_equal_share_in_the_next_window() {
    let (bench, flood, newcomer) = (Bench::new(STARTER).await, key(1), key(2));
    assert_eq!((bench.asks(flood, 200).await, bench.asks(newcomer, 1).await), (STARTER, 0));
    bench.pass(60.0).await;
    assert_eq!((bench.asks(flood, 200).await, bench.asks(newcomer, 200).await), (30, 30));
    bench.pass(60.0).await;
    assert_eq!((bench.asks(newcomer, 200).await, bench.asks(flood, 200).await), (30, 30));
}

#[tokio::test]
async fn what_was_asked_for_before_the_window_before_sets_nothing_aside() {
    let (bench, flood, quiet) = (Bench::new(STARTER).await, key(1), key(2));
    bench.asks(quiet, 10).await;
    bench.pass(120.0).await;
    assert_eq!(bench.asks(flood, 200).await, STARTER);
}

#[tokio::test]
async fn another_quota_takes_effect_within_the_window() {
    let mut bench = Bench::new(STARTER).await;
    assert_eq!(bench.asks(key(1), 61).await, STARTER);
    bench.quota = 300;
    assert_eq!(bench.asks(key(1), 300).await, 240);
    bench.quota = STARTER;
    assert_eq!(bench.asks(key(1), 10).await, 0);
    bench.pass(60.0).await;
    assert_eq!(bench.asks(key(1), 100).await, STARTER);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_hold_a_window_open() {
    let bench = Bench::new(STARTER).await;
    bench.asks(key(1), 61).await;
    bench.pass(-3600.0).await;
    let next = bench.ask(key(1)).await;
    assert!(next.admitted && next.resets_in <= Duration::from_secs(60), "{next:?}");
}

/// The rule in other words, to compare with: who gets what set aside.
fn set_aside(before: &[(u32, u32)], quota: u32) -> Vec<u32> {
    let active = before.iter().filter(|(asked, _)| *asked > 0).count();
    let share = quota / u32::try_from(active.max(1)).unwrap();
    before.iter().map(|(asked, got)| if asked > got { share } else { share.min(*got) }).collect()
}

#[tokio::test]
async fn whatever_keys_ask_for_no_window_admits_more_and_each_gets_what_is_set_aside() {
    const QUOTA: u32 = 20;
    let bench = Bench::new(QUOTA).await;
    let mut random = StdRng::seed_from_u64(7);
    let mut before = vec![(0, 0); 5];
    for _ in 0..25 {
        let aside = set_aside(&before, QUOTA);
        let mut present = vec![(0, 0); 5];
        for _ in 0..random.random_range(0..45) {
            // The first key floods, the last is seldom there.
            let n: usize = random.random_range(0..12_usize).saturating_sub(7);
            let admitted = bench.ask(key(n as u128)).await.admitted;
            present[n] = (present[n].0 + 1, present[n].1 + u32::from(admitted));
        }
        let total: u32 = present.iter().map(|(_, got)| got).sum();
        let refused = present.iter().any(|(asked, got)| asked > got);
        let unused: u32 =
            present.iter().zip(&aside).map(|((_, got), aside)| aside.saturating_sub(*got)).sum();
        assert!(total <= QUOTA, "{present:?}");
        assert!(!refused || total + unused == QUOTA, "refused with something left: {present:?} {aside:?}");
        for ((asked, got), aside) in present.iter().zip(&aside) {
            assert!(got >= asked.min(aside), "{present:?} {aside:?}");
        }
        // Where nobody asked, the window before is forgotten with it.
        before = present;
        bench.pass(if before.iter().any(|(asked, _)| *asked > 0) { 60.0 } else { 120.0 }).await;
    }
}

/// The same server for a caller of a workspace with a plan.
async fn caller(server: &Server, plan: Plan, scopes: &[Scope]) -> Api {
    let slug: WorkspaceSlug = "limited".parse().unwrap();
    let context = Context::internal(workspace_id(&slug), Actor::Operator, "req_test".to_owned());
    server.running.core().run(&context, &EnsureWorkspace { slug, plan }).await.unwrap();
    server.another("limited", scopes, None).await
}

struct SwitchPlan(Plan);

#[async_trait]
impl UseCase for SwitchPlan {
    type Output = ();

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<(), Error> {
        let stream = StreamId::Workspace(workspace_id(&"limited".parse().unwrap()));
        decision.execute::<Workspace>(stream, WorkspaceCommand::ChangePlan { plan: self.0 }).await.map(drop)
    }
}

async fn switch(server: &Server, plan: Plan) {
    let workspace = workspace_id(&"limited".parse().unwrap());
    let context = Context::internal(workspace, Actor::Operator, "req_test".to_owned());
    server.running.core().run(&context, &SwitchPlan(plan)).await.unwrap();
}

#[tokio::test]
async fn every_answer_to_a_key_of_a_limited_workspace_says_what_is_left() {
    let server = Server::start().await;
    let api = caller(&server, Plan::Professional, &[Scope::CustomersRead]).await;
    let mut left = 300;
    for (path, status) in [
        ("/v1/customers", 200),
        ("/v1/chats", 403),
        ("/v1/customers/nobody", 404),
        ("/v1/customers?page=0", 422),
    ] {
        let answer = api.get(path).await;
        left -= 1;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=300;w=60", "{path}");
        let limit = answer.header("ratelimit");
        assert!(limit.starts_with(&format!("\"default\";r={left};t=")), "{path}: {limit}");
        assert_eq!(answer.header("retry-after"), "");
    }
    for unlimited in [&server.api, &Api { key: Some("wrong".to_owned()), ..api.clone() }] {
        let answer = unlimited.get("/v1/customers").await;
        assert_eq!((answer.header("ratelimit-policy"), answer.header("ratelimit")), ("", ""));
    }
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM request_windows")
        .fetch_one(&server.pool().await)
        .await
        .unwrap();
    assert_eq!(rows, 1, "an unlimited workspace is not counted");
}

#[tokio::test]
async fn a_used_up_window_is_told_with_the_time_to_wait_and_a_new_plan_is_noticed() {
    let server = Server::start().await;
    let api = caller(&server, Plan::Starter, &[Scope::All]).await;
    for _ in 0..STARTER {
        api.get("/v1/chats").await.expect(200);
    }
    // The first of them is the database's word, the others are from memory.
    for _ in 0..3 {
        let answer = api.get("/v1/chats").await;
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait));
        assert_eq!(answer.header("ratelimit"), format!("\"default\";r=0;t={wait}"));
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=60;w=60");
        let refused = answer.refused(429, "RATE_LIMITED");
        assert!(refused["error"]["message"].as_str().unwrap().contains("60 requests a minute"), "{refused}");
    }
    switch(&server, Plan::Professional).await;
    api.until("/v1/chats", |body| body["success"] == true).await;
    let answer = api.get("/v1/chats").await;
    assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=300;w=60");
    assert!(answer.header("ratelimit").starts_with("\"default\";r=238;"), "{}", answer.header("ratelimit"));
    switch(&server, Plan::Unlimited).await;
    assert_eq!(api.get("/v1/chats").await.header("ratelimit-policy"), "");
}

#[tokio::test]
async fn when_counting_fails_requests_are_served_all_the_same() {
    let server = Server::start().await;
    let api = caller(&server, Plan::Starter, &[Scope::All]).await;
    let pool = server.pool().await;
    sqlx::query("DROP FUNCTION count_request").execute(&pool).await.unwrap();
    let answer = api.get("/v1/chats").await;
    assert_eq!(answer.header("ratelimit"), "");
    answer.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_server_processes_admit_exactly_the_quota_of_two_hundred_calls_at_once() {
    let options = Database::empty_options(Some("interflow_template")).await;
    let socket = options.get_socket().unwrap().display().to_string();
    let (name, user) = (options.get_database().unwrap(), options.get_username());
    let url = format!("postgres:///{name}?host={socket}&user={user}&port={}", options.get_port());
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let environment = [("INTERFLOW_DATABASE_CONNECTIONS", "8")];
    let begin = |place: &Path| start(place, Some(&url), &environment);
    let (mut one, mut two) = (begin(places[0].path()), begin(places[1].path()));
    let key = tenant(Options::new(options), &one.1, Plan::Starter).await.key;
    let apis = [&one.1, &two.1].map(|api| Api { key: key.clone(), ..api.clone() });
    let calls = join_all((0..200).map(|n| {
        let api = apis[n % 2].clone();
        tokio::spawn(async move { api.call(Method::GET, "/v1/customers", &[], None::<&str>).await })
    }));
    let mut admitted = 0;
    for answer in calls.await.into_iter().map(Result::unwrap) {
        if answer.status == 200 {
            admitted += 1;
        } else {
            answer.refused(429, "RATE_LIMITED");
        }
    }
    assert_eq!(admitted, STARTER);
    assert!(one.0.terminate().success() && two.0.terminate().success());
}
