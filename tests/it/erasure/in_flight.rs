//! Attempts at deliveries that are on their way, or still to be made, when their customer is erased: whatever the receiver
//! answers, nothing of the customer stays.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::webhook::Outcome;
use interflow_application::webhook::ports::{DeliveryStore as _, Post, Transport};
use interflow_application::{CreateCustomer, DeleteWebhook, Erasures as _};
use interflow_domain::customer::ProfileDraft;
use interflow_domain::{CustomerId, WebhookId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::erasure::{ErasureList, PgErasures};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::webhooks::PgDeliveries;
use interflow_vault::MasterKey;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::support::PATIENCE;
use crate::webhook::{Build, MASTER, Node};

const NAME: &str = "Zebulina Quagmire";

/// A receiver whose answers can be held up. It knows the customer by itself, and names her in every answer.
struct Wire {
    held: watch::Sender<bool>,
    came: AtomicUsize,
    bodies: Mutex<Vec<String>>,
}

impl Wire {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            held: watch::Sender::new(false),
            came: AtomicUsize::new(0),
            bodies: Mutex::default(),
        })
    }

    fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    fn bodies(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }

    async fn until_came(&self, count: usize) {
        let begin = Instant::now();
        while self.came.load(Ordering::SeqCst) < count {
            assert!(begin.elapsed() < PATIENCE, "{} of {count} came", self.came.load(Ordering::SeqCst));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn post(&self, post: Post) -> Outcome {
        self.bodies.lock().unwrap().push(String::from_utf8(post.body).unwrap());
        self.came.fetch_add(1, Ordering::SeqCst);
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
        Outcome {
            status: Some(200),
            error: None,
            headers: vec![("x-customer".to_owned(), NAME.to_owned())],
            body: format!("thank you for telling me of {NAME}").into_bytes(),
            took: Duration::from_millis(1),
        }
    }
}

async fn node(wire: &Arc<Wire>) -> Node {
    let transport: Arc<dyn Transport> = Arc::clone(wire) as _;
    Build { transport, ..Build::new().await }.start().await
}

async fn customer(node: &Node) -> CustomerId {
    let email = Some(format!("{}@example.com", Uuid::new_v4().simple()).parse().unwrap());
    let profile = ProfileDraft { name: Some(NAME.parse().unwrap()), email, ..ProfileDraft::default() };
    node.run(&CreateCustomer { profile }).await
}

/// By another process, which tells this one nothing.
async fn erase(node: &Node, customer: CustomerId) {
    let directory = tempfile::tempdir().unwrap();
    let master = MasterKey::parse(MASTER).unwrap();
    let pool = node.database.another_pool().await;
    let log = PgEventLog::start(pool, &master, Arc::new(SystemIds), Settings::default());
    let list = ErasureList::at(directory.path().join("erasures.jsonl"));
    let erasures = PgErasures::new(log.clone(), Arc::new(SystemClock), Arc::new(|_, _, _| vec![]), list);
    erasures.erase(&node.context, customer, None).await.unwrap();
    log.close().await;
}

/// How many attempts there are, and how many of them name the customer.
async fn attempts(node: &Node) -> (i64, i64) {
    let sql = "SELECT count(*), count(*) FILTER (WHERE position(convert_to($1, 'UTF8') IN body) > 0 \
         OR headers::text LIKE '%' || $1 || '%') FROM webhook_attempts";
    sqlx::query_as(sql).bind(NAME).fetch_one(&node.database.pool).await.unwrap()
}

async fn until_attempts(node: &Node, count: i64) {
    let begin = Instant::now();
    while attempts(node).await.0 < count {
        assert!(begin.elapsed() < PATIENCE, "{:?}", attempts(node).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_after_an_erasure_is_not_kept_whenever_the_attempt_began() {
    let wire = Wire::new();
    let node = node(&wire).await;
    let id: WebhookId = node.endpoint("https://receiver.example.com/").await;
    let known = customer(&node).await;
    until_attempts(&node, 1).await;
    assert_eq!(attempts(&node).await, (1, 1), "before, it is kept");

    // One is on its way, and one more waits behind it.
    wire.hold(true);
    node.rename(known, 1).await;
    wire.until_came(2).await;
    node.rename(known, 2).await;
    node.until(id, |view| view.progress.as_ref().is_some_and(|progress| progress.lag() == 0)).await;
    erase(&node, known).await;
    wire.hold(false);
    node.until_idle(id).await;
    // Creation, two changes, and the erasure itself, of which the receiver was told after it.
    assert_eq!(attempts(&node).await, (4, 0));
    assert!(wire.bodies()[3].contains("customer.erased"), "{:?}", wire.bodies());
    let bystander = customer(&node).await;
    assert_ne!(bystander, known);
    until_attempts(&node, 5).await;
    assert_eq!(attempts(&node).await, (5, 1), "what is said of others is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_told_after_an_erasure_names_whom_another_process_erased() {
    let wire = Wire::new();
    let node = node(&wire).await;
    let id = node.endpoint("https://receiver.example.com/").await;
    let known = customer(&node).await;
    node.until_idle(id).await;
    assert!(wire.bodies()[0].contains(NAME));
    // This process has read the event, and has its key in memory.
    let delivery = node.deliveries(id, None).await.remove(0);
    let before = node.dispatcher.preview(&node.context, id, delivery.id).await.unwrap();
    assert!(before.body.contains(NAME));
    erase(&node, known).await;
    let after = node.dispatcher.preview(&node.context, id, delivery.id).await.unwrap();
    assert!(!after.body.contains(NAME) && after.body.contains("\"erased\":true"), "{}", after.body);
    node.until_idle(id).await;
    let told = wire.bodies().len();
    node.dispatcher.redeliver(&node.context, id, delivery.id).await.unwrap();
    wire.until_came(told + 1).await;
    node.until_idle(id).await;
    for body in &wire.bodies()[1..] {
        assert!(!body.contains(NAME), "{body}");
    }
    assert_eq!(attempts(&node).await.1, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_of_deleted_webhooks_are_forgotten_too() {
    let wire = Wire::new();
    let node = node(&wire).await;
    let ids =
        [node.endpoint("https://one.example.com/").await, node.endpoint("https://other.example.com/").await];
    let known = customer(&node).await;
    until_attempts(&node, 2).await;
    assert_eq!(attempts(&node).await, (2, 2));
    node.run(&DeleteWebhook { id: ids[0], expected: None }).await;
    // Nothing of the one that is gone stays, not even for as long as attempts are kept.
    let store = PgDeliveries::new(node.database.pool.clone(), Uuid::nil());
    let month = Duration::from_secs(30 * 24 * 3600);
    while store.prune(node.core.clock.now(), month, 1_000).await.unwrap() > 0 {}
    let orphans = "SELECT count(*) FROM webhook_attempts a WHERE NOT EXISTS \
         (SELECT FROM webhook_deliveries d WHERE d.workspace_id = a.workspace_id AND d.id = a.delivery_id)";
    let orphans: i64 = sqlx::query_scalar(orphans).fetch_one(&node.database.pool).await.unwrap();
    assert_eq!(orphans, 0);
    // And of one that is deleted and was not tidied up yet, an erasure finds it.
    node.run(&DeleteWebhook { id: ids[1], expected: None }).await;
    assert!(attempts(&node).await.1 > 0);
    erase(&node, known).await;
    assert_eq!(attempts(&node).await.1, 0);
}
