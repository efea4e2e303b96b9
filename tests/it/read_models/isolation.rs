//! No query shows a workspace, or a generation, that was not asked for.

use interflow_application::read::{
    ChatFilter, CustomerFilter, Listing, MessageFilter, PageRequest, Reads, Window,
};
use interflow_domain::{ChatId, WorkspaceId};
use interflow_infrastructure::read_models::{self, PgReads};
use sqlx::PgPool;

use super::history::{History, secret_sha256};
use super::{make_head, workspace};
use crate::support::database::Database;

const MINE: WorkspaceId = workspace(1);
const OTHERS: WorkspaceId = workspace(2);
const EMPTY: WorkspaceId = workspace(3);
const ALL: PageRequest = PageRequest { window: Window::Number(1), size: 100 };

/// One of everything, each with the id that it has in every history made here.
fn history() -> History {
    let mut history = History::default();
    history.create_workspace();
    history.begin_chat();
    history.issue_key(0);
    for how in [0, 2, 5, 7] {
        history.change_instance(0, how);
    }
    history.receive(0);
    history.queue(0, None);
    history
}

/// Another workspace in which the same ids name other things.
fn another_history() -> History {
    let mut history = history();
    for how in [2, 5] {
        history.change_customer(0, how);
    }
    history.begin_chat();
    for _ in 0..3 {
        history.receive(1);
    }
    history
}

async fn apply(pool: &PgPool, workspace: WorkspaceId, generation: i32, history: &History) {
    let mut connection = pool.acquire().await.unwrap();
    read_models::apply(&mut connection, workspace, generation, &history.events).await.unwrap();
}

/// The answer to every question about a workspace, with the ids of a history.
fn in_chat(chat: ChatId) -> MessageFilter {
    MessageFilter { chat: Some(chat), ..MessageFilter::default() }
}

async fn answers(reads: &PgReads, workspace: WorkspaceId, of: &History) -> Vec<String> {
    macro_rules! ask {
        ($($query:ident($($argument:expr),*)),+ $(,)?) => {
            vec![$(format!("{}: {:?}", stringify!($query), reads.$query(workspace $(, $argument)*).await.unwrap())),+]
        };
    }
    let whatsapp_ids: Vec<_> = (0..20).map(|number| format!("WA{number}")).collect();
    let name = "instance_0_2".parse().unwrap();
    ask![
        customer(of.customers[0]),
        customers(&Listing::first(CustomerFilter::default(), 100)),
        chat(of.chats[0]),
        chats(&Listing::first(ChatFilter::default(), 100)),
        open_chats_of(of.customers[0]),
        messages(&Listing::first(in_chat(of.chats[0]), 100)),
        message(of.messages[0]),
        outbound_by_whatsapp_id(of.instances[0], &whatsapp_ids),
        channel(of.instances[0]),
        channel_named(&name),
        channels(ALL),
        all_channels(),
    ]
}

#[tokio::test]
async fn no_query_shows_another_workspace() {
    let database = Database::new().await;
    let (pool, reads) = (&database.pool, PgReads::new(database.pool.clone()));
    for workspace in [MINE, OTHERS, EMPTY] {
        make_head(pool, workspace).await;
    }
    let mine = history();
    apply(pool, MINE, 1, &mine).await;

    let answered = answers(&reads, MINE, &mine).await;
    let nothing = answers(&reads, EMPTY, &mine).await;
    for (answer, nothing) in answered.iter().zip(&nothing) {
        assert_ne!(answer, nothing);
        assert!(nothing.contains("None") || nothing.contains("[]"), "{nothing}");
    }

    apply(pool, OTHERS, 1, &another_history()).await;
    assert_eq!(answers(&reads, MINE, &mine).await, answered);
    assert_eq!(answers(&reads, EMPTY, &mine).await, nothing);
    let live: Vec<_> = reads.live_instances().await.unwrap();
    assert_eq!(live.iter().map(|live| live.workspace).collect::<Vec<_>>(), [MINE, OTHERS]);
    assert!(live[0].linked);
}

#[tokio::test]
async fn a_key_opens_the_workspace_that_issued_it() {
    let database = Database::new().await;
    let (pool, reads) = (&database.pool, PgReads::new(database.pool.clone()));
    make_head(pool, MINE).await;
    make_head(pool, OTHERS).await;
    let mut other = History::default();
    other.create_workspace();
    other.issue_key(1);
    apply(pool, MINE, 1, &history()).await;
    apply(pool, OTHERS, 1, &other).await;

    let key = reads.credential(&secret_sha256(5)).await.unwrap().unwrap();
    assert_eq!((key.workspace, key.scopes.len()), (MINE, 1));
    let key = reads.credential(&secret_sha256(2)).await.unwrap().unwrap();
    assert_eq!((key.workspace, key.scopes.len()), (OTHERS, 2));
    for unknown in [secret_sha256(77), String::new(), "\0".to_owned()] {
        assert_eq!(reads.credential(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn only_the_generation_that_the_head_names_is_shown() {
    let database = Database::new().await;
    let (pool, reads) = (&database.pool, PgReads::new(database.pool.clone()));
    make_head(pool, MINE).await;
    make_head(pool, EMPTY).await;
    let mine = history();
    apply(pool, MINE, 1, &mine).await;
    let before = answers(&reads, MINE, &mine).await;

    // A rebuild fills the next one aside.
    apply(pool, MINE, 2, &mine).await;
    assert_eq!(answers(&reads, MINE, &mine).await, before);
    assert_eq!(reads.live_instances().await.unwrap().len(), 1);

    sqlx::query("UPDATE heads SET generation = 3").execute(pool).await.unwrap();
    assert_eq!(answers(&reads, MINE, &mine).await, answers(&reads, EMPTY, &mine).await);
    assert_eq!(reads.credential(&secret_sha256(5)).await.unwrap(), None);
    assert_eq!(reads.live_instances().await.unwrap(), []);

    sqlx::query("UPDATE heads SET generation = 2").execute(pool).await.unwrap();
    assert_eq!(answers(&reads, MINE, &mine).await, before);
}

#[tokio::test]
async fn what_was_given_comes_back_as_it_was() {
    let database = Database::new().await;
    let (pool, reads) = (&database.pool, PgReads::new(database.pool.clone()));
    make_head(pool, MINE).await;
    let mut history = History::default();
    history.create_workspace();
    history.create_customer(14);
    apply(pool, MINE, 1, &history).await;

    let customer = reads.customer(MINE, history.customers[0]).await.unwrap().unwrap();
    assert_eq!(customer.attributes["nul"], "a\u{0}b");
    assert_eq!(customer.attributes["nested"]["list"][2], "é");
    assert_eq!(customer.tags, ["a \"b\"", "c,d", "vip", "{e}"]);
    assert_eq!(customer.external_id.as_deref(), Some("external \"quoted\", {braces}"));
    assert!(reads.ping().await.unwrap().timestamp() > 0);
}

#[tokio::test]
async fn a_row_this_build_cannot_read_is_told_apart_from_a_database_that_is_away() {
    use interflow_application::log::LogError;

    let database = Database::new().await;
    let (pool, reads) = (&database.pool, PgReads::new(database.pool.clone()));
    make_head(pool, MINE).await;
    let mine = history();
    apply(pool, MINE, 1, &mine).await;
    for change in [
        "UPDATE chats SET status = 'Ana'",
        "UPDATE messages SET content = '{\"type\": \"Ana\"}'",
        "UPDATE channels SET version = -1",
    ] {
        sqlx::query(change).execute(pool).await.unwrap();
    }
    let corrupt = [
        reads.chat(MINE, mine.chats[0]).await.err(),
        reads.messages(MINE, &Listing::first(in_chat(mine.chats[0]), 100)).await.err(),
        reads.all_channels(MINE).await.err(),
    ];
    for error in corrupt {
        let Some(LogError::Corrupt(what)) = error else { panic!("{error:?}") };
        assert!(what.contains("column") && !what.contains("Ana"), "{what}");
    }
    pool.close().await;
    assert!(matches!(
        reads.chats(MINE, &Listing::first(ChatFilter::default(), 100)).await,
        Err(LogError::Unavailable(_))
    ));
}
