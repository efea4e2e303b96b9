//! Erasing a customer while two processes send to it: nothing is sealed or shown of whom was erased.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use interflow_application::read::{CustomerFilter, Listing};
use interflow_application::{
    Actor, ChannelRef, ConnectInstance, Context, Core, Erasures, Error, Ids, RecordConnection, SendMessage,
};
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::Content;
use interflow_domain::{CustomerId, WorkspaceId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::erasure::{ErasureList, PgErasures};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::projections::Projections;
use interflow_infrastructure::read_models::PgReads;
use interflow_vault::MasterKey;
use sqlx::PgPool;

use crate::projections::verified;
use crate::support::database::Database;

const PHONE: &str = "5511976253418";

/// What a process has.
struct Process {
    core: Core,
    log: PgEventLog,
}

fn process(pool: &PgPool) -> Process {
    let master = MasterKey::parse(&"17".repeat(32)).unwrap();
    let log = PgEventLog::start(pool.clone(), &master, Arc::new(SystemIds), Settings::default());
    let core = Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    };
    Process { core, log }
}

fn erasures(process: &Process, directory: &std::path::Path) -> PgErasures {
    let list = ErasureList::at(directory.join("erasures.jsonl"));
    PgErasures::new(process.log.clone(), Arc::new(SystemClock), Arc::new(|_, _, _| vec![]), list)
}

async fn customers(core: &Core, workspace: WorkspaceId) -> Vec<CustomerId> {
    let listing = Listing::first(CustomerFilter::default(), 100);
    core.reads.customers(workspace, &listing).await.unwrap().items.into_iter().map(|one| one.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_while_a_customer_is_erased_sends_to_a_new_one() {
    let database = Database::new().await;
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (process(&database.pool), process(&database.another_pool().await));
    let workspace = WorkspaceId::new(SystemIds.next());
    let context = Context::internal(workspace, Actor::System("test"), "req_test".to_owned());
    let connect = ConnectInstance { name: "shop".parse().unwrap() };
    let instance = one.core.run(&context, &connect).await.unwrap().output;
    let command = InstanceCommand::RecordPaired { phone: None, lid: None };
    one.core.run(&context, &RecordConnection { instance, command, epoch: None }).await.unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let senders = [&one, &other].into_iter().flat_map(|process| [process, process]).map(|process| {
        let (core, context, done) = (process.core.clone(), context.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) {
                let send = SendMessage {
                    channel: ChannelRef::id(instance),
                    to: PHONE.parse().unwrap(),
                    content: Content::Text { text: "wombatine".parse().unwrap() },
                    reply_to: None,
                    patience: Duration::from_secs(3600),
                };
                match core.run(&context, &send).await {
                    Ok(_) => sent += 1,
                    // Others are faster ten times in a row: that is for the caller to repeat.
                    Err(Error::Conflict(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            sent
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut erased = BTreeSet::new();
    // Each by another process than the one before.
    for turn in 0.. {
        let eraser = erasures(if turn % 2 == 0 { &one } else { &other }, directory.path());
        for customer in customers(&one.core, workspace).await {
            let certificate = eraser.erase(&context, customer, None).await.unwrap();
            assert_eq!(certificate.customer, customer);
            assert!(erased.insert(customer), "{customer} was there again");
        }
        if erased.len() >= 12 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    done.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    assert!(sent >= erased.len(), "{sent}");

    let count = async |sql: &str| -> i64 {
        sqlx::query_scalar(sql).bind(workspace.uuid()).fetch_one(&database.pool).await.unwrap()
    };
    let sealed_since = "SELECT count(*) FROM erased_subjects s \
         JOIN events e ON e.workspace_id = s.workspace_id AND e.position > s.position \
         WHERE s.workspace_id = $1 AND e.payload::text LIKE '%\"s\":\"' || s.subject || '\"%'";
    assert_eq!(count(sealed_since).await, 0, "sealed after its certificate");
    let alive = "SELECT count(*) FROM erased_subjects s JOIN data_keys k USING (workspace_id, subject) \
         WHERE s.workspace_id = $1 AND k.wrapped IS NOT NULL";
    assert_eq!(count(alive).await, 0, "a key that is left, or was made since");
    let shown = "SELECT count(*) FROM erased_subjects s JOIN messages m USING (workspace_id) \
         WHERE s.workspace_id = $1 AND (m.content IS NOT NULL OR m.phone IS NOT NULL) AND m.customer_id NOT IN \
             (SELECT id FROM customers)";
    assert_eq!(count(shown).await, 0, "in messages");
    let previews = "SELECT count(*) FROM chats WHERE workspace_id = $1 AND last_message_preview IS NOT NULL \
         AND customer_id NOT IN (SELECT id FROM customers)";
    assert_eq!(count(previews).await, 0, "in chats");
    let waiting = "SELECT count(*) FROM outbox o JOIN messages m ON m.id = o.message_id \
         WHERE o.workspace_id = $1 AND m.content IS NULL";
    assert_eq!(count(waiting).await, 0, "waiting sends");
    for process in [&one, &other] {
        assert_eq!(verified(&Projections::new(&process.log), workspace).await.1, []);
        process.log.close().await;
    }
}
