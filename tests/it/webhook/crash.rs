//! Servers in processes of their own, killed with `kill -9`, while this process appends.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_domain::webhook::RetrySchedule;
use interflow_domain::{WebhookId, WorkspaceId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sqlx::ConnectOptions as _;
use uuid::Uuid;

use super::failures::{deduped, seed};
use super::{Build, FastClock, MASTER, Node};
use crate::support::PATIENCE;
use crate::support::database::Database;
use crate::support::lab::{NetworkProcess, Process};
use crate::support::receiver::{Receiver, Reply};

/// A database that servers of their own share with this process, and the time.
pub(super) struct Shared {
    pub(super) node: Node,
    network: NetworkProcess,
    url: String,
    clock: FastClock,
}

impl Shared {
    async fn new() -> Self {
        Self::in_haste(1).await
    }

    /// Hours pass in moments, here and there.
    pub(super) async fn in_haste(times: i32) -> Self {
        let (database, clock) = (Database::new().await, FastClock::new(times));
        let url = database.options.to_url_lossy().to_string();
        let build = Build { clock: Arc::new(clock), ..Build::on(Arc::new(database)) };
        let node = build.node(WorkspaceId::new(Uuid::from_u128(1)));
        Self { node, network: NetworkProcess::start(), url, clock }
    }

    pub(super) fn serve(&self, data: &Path) -> Process {
        let clock = self.clock.words();
        let environment = [
            ("DATABASE_URL", self.url.as_str()),
            ("INTERFLOW_MASTER_KEY", MASTER),
            ("INTERFLOW_LEASE_EXPIRY", "1s"),
            ("INTERFLOW_DATABASE_CONNECTIONS", "8"),
            ("INTERFLOW_WEBHOOK_ALLOW", "127.0.0.0/8"),
            // Nothing that is counted at the end may be forgotten before.
            ("INTERFLOW_WEBHOOK_RETENTION", "3650d"),
            ("INTERFLOW_LAB_CLOCK", &clock),
        ];
        self.network.serve(data, &environment).0
    }

    /// One that is tried again at once.
    async fn endpoint(&self, url: &str) -> WebhookId {
        let change = |create: &mut interflow_application::CreateWebhook| {
            create.settings.schedule = Some(RetrySchedule::try_new(vec![0; 20]).unwrap());
        };
        self.node.endpoint_with(url, change).await
    }

    /// The nodes that deliver, by endpoint.
    async fn owners(&self) -> Vec<Uuid> {
        let pool = &self.node.database.pool;
        sqlx::query_scalar("SELECT node_id FROM webhook_cursors WHERE node_id <> $1")
            .bind(Uuid::nil())
            .fetch_all(pool)
            .await
            .unwrap()
    }

    async fn until_owners(&self, wanted: impl Fn(&[Uuid]) -> bool) -> Vec<Uuid> {
        let begin = Instant::now();
        loop {
            let owners = self.owners().await;
            if wanted(&owners) {
                return owners;
            }
            assert!(begin.elapsed() < PATIENCE, "{owners:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_in_order_while_the_server_is_killed_again_and_again() {
    const LANES: usize = 8;
    const ROUNDS: usize = 4;
    const EACH: usize = 6;
    let shared = Shared::new().await;
    let random = Mutex::new(StdRng::seed_from_u64(seed()));
    let receiver = Receiver::start(move |_, _| match random.lock().unwrap().random_range(0..100) {
        0..5 => Reply::Status(500),
        5..10 => Reply::Reset,
        _ => Reply::Status(200),
    })
    .await;
    let id = shared.endpoint(&receiver.url).await;
    let customers = shared.node.customers(LANES).await;
    let data = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        for n in 0..EACH {
            let n = 1 + round * EACH + n;
            join_all(customers.iter().map(|id| shared.node.rename(*id, n))).await;
        }
        let before = receiver.count();
        let mut server = shared.serve(data.path());
        receiver.until(|received| received.len() >= before + LANES * EACH / 2).await;
        server.kill();
    }
    let _server = shared.serve(data.path());
    shared.node.until_idle(id).await;
    let all = 1 + ROUNDS * EACH;
    let lanes = deduped(&receiver.received());
    assert_eq!(lanes.len(), LANES);
    for places in lanes.values() {
        assert!(places.iter().copied().eq(1..=all as u64), "{places:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_the_endpoints_and_one_takes_over_what_the_other_leaves() {
    const ENDPOINTS: usize = 6;
    let (shared, receiver) = (Shared::new().await, Receiver::accepting().await);
    let urls: Vec<_> = (0..ENDPOINTS).map(|n| format!("{}/{n}", receiver.url)).collect();
    let ids = join_all(urls.iter().map(|url| shared.endpoint(url))).await;
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = shared.serve(one.path());
    let alone = shared.until_owners(|owners| owners.len() == ENDPOINTS).await;
    assert!(alone.iter().all(|node| *node == alone[0]));
    let _second = shared.serve(other.path());
    let halves = |owners: &[Uuid]| {
        let nodes: BTreeSet<_> = owners.iter().collect();
        let most = nodes.iter().map(|node| owners.iter().filter(|owner| *owner == *node).count()).max();
        owners.len() == ENDPOINTS && nodes.len() == 2 && most == Some(ENDPOINTS / 2)
    };
    shared.until_owners(halves).await;
    let customers = shared.node.customers(2).await;
    receiver.until(|received| received.len() >= 2 * ENDPOINTS).await;

    first.kill();
    shared
        .until_owners(|owners| owners.len() == ENDPOINTS && owners.iter().all(|node| *node == owners[0]))
        .await;
    for id in &customers {
        shared.node.rename(*id, 1).await;
    }
    for id in &ids {
        shared.node.until_idle(*id).await;
    }
    for path in (0..ENDPOINTS).map(|n| format!("/{n}")) {
        let received = receiver.received();
        let of_one: Vec<_> = received.into_iter().filter(|one| one.path == path).collect();
        let lanes = deduped(&of_one);
        assert_eq!(lanes.values().filter(|places| **places == [1, 2]).count(), 2, "{path}: {lanes:?}");
    }
}
