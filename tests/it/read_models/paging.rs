//! Pages by number and by cursor, and how many there are.

use interflow_application::read::{
    ChatFilter, Customer, CustomerFilter, Listing, Mark, Marked, MessageFilter, Reads, SortValue, Start,
};
use interflow_domain::WorkspaceId;
use interflow_infrastructure::read_models::{self, PgReads};
use sqlx::PgPool;

use super::history::History;
use super::{make_head, workspace};
use crate::support::database::Database;

const MINE: WorkspaceId = workspace(1);

struct Lists {
    database: Database,
    reads: PgReads,
    history: History,
    applied: usize,
}

impl Lists {
    async fn new() -> Self {
        let database = Database::new().await;
        make_head(&database.pool, MINE).await;
        let reads = PgReads::new(database.pool.clone());
        Self { database, reads, history: History::default(), applied: 0 }
    }

    async fn happen(&mut self, what: impl FnOnce(&mut History)) {
        what(&mut self.history);
        let mut connection = self.database.pool.acquire().await.unwrap();
        let events = &self.history.events[self.applied..];
        read_models::apply(&mut connection, MINE, 1, events).await.unwrap();
        self.applied = self.history.events.len();
    }

    async fn customers(&self, start: Start, size: u32) -> Marked<Customer> {
        let listing = Listing { start, ..Listing::first(CustomerFilter::default(), size) };
        self.reads.customers(MINE, &listing).await.unwrap()
    }
}

fn mark(time: &str, position: u64) -> Mark {
    Mark { value: SortValue::Time(time.parse().unwrap()), position }
}

fn create(count: u8) -> impl FnOnce(&mut History) {
    move |history| (0..count).for_each(|how| history.create_customer(how))
}

/// Which customers, counted from the first that was created.
fn numbers(page: &Marked<Customer>, history: &History) -> Vec<usize> {
    let number = |customer: &Customer| history.customers.iter().position(|id| *id == customer.id).unwrap();
    page.items.iter().map(number).collect()
}

#[tokio::test]
async fn pages_by_number_hold_the_newest_first_and_the_total() {
    let mut lists = Lists::new().await;
    lists.happen(create(45)).await;
    let mut seen = vec![];
    for (number, has_next) in [(1, true), (2, true), (3, false), (4, false)] {
        let page = lists.customers(Start::Page(number), 20).await;
        assert_eq!((page.total, page.total_is_estimate), (45, false));
        assert_eq!(page.next.is_some(), has_next, "page {number}");
        seen.extend(numbers(&page, &lists.history));
    }
    assert_eq!(seen, (0..45).rev().collect::<Vec<_>>());

    // The last page is full: there is none after it.
    let page = lists.customers(Start::Page(3), 15).await;
    assert_eq!((page.items.len(), page.next), (15, None));
}

#[tokio::test]
async fn an_empty_list_is_one_page_of_nothing() {
    let lists = Lists::new().await;
    let page = lists.customers(Start::Page(1), 20).await;
    assert_eq!((page.items.len(), page.total, page.total_is_estimate, page.next), (0, 0, false, None));
    let page = lists.customers(Start::After(mark("2999-01-01T00:00:00Z", 1)), 20).await;
    assert_eq!((page.items.len(), page.total), (0, 0));
}

#[tokio::test]
async fn a_cursor_goes_on_where_it_was_whatever_is_created_or_deleted() {
    let mut lists = Lists::new().await;
    lists.happen(create(30)).await;
    let first = lists.customers(Start::Page(1), 10).await;
    assert_eq!(numbers(&first, &lists.history), (20..30).rev().collect::<Vec<_>>());

    lists.happen(create(5)).await;
    lists.happen(|history| history.change_customer(20, 0)).await;
    lists.happen(|history| history.change_customer(15, 0)).await;
    let second = lists.customers(Start::After(first.next.clone().unwrap()), 10).await;
    assert_eq!(numbers(&second, &lists.history), [19, 18, 17, 16, 14, 13, 12, 11, 10, 9]);
    assert_eq!(second.total, 33);

    let third = lists.customers(Start::After(second.next.clone().unwrap()), 10).await;
    assert_eq!(numbers(&third, &lists.history), (0..9).rev().collect::<Vec<_>>());
    assert_eq!(third.next, None);
}

#[tokio::test]
async fn chats_are_listed_by_their_latest_activity() {
    let mut lists = Lists::new().await;
    lists
        .happen(|history| {
            for _ in 0..6 {
                history.begin_chat();
            }
        })
        .await;
    let chats = lists.history.chats.clone();
    lists.happen(|history| history.receive(2)).await;
    lists.happen(|history| history.change_chat(0, 0)).await;
    let ids = |page: &Marked<interflow_application::read::Chat>| {
        page.items.iter().map(|c| c.id).collect::<Vec<_>>()
    };
    let usual = Listing::first(ChatFilter::default(), 3);
    let first = lists.reads.chats(MINE, &usual).await.unwrap();
    assert_eq!(ids(&first), [chats[0], chats[2], chats[5]]);
    assert_eq!(first.next.as_ref().unwrap().position, first.items[2].touched);

    // What moves to the front while somebody pages is not shown twice.
    lists.happen(|history| history.receive(5)).await;
    let start = Start::After(first.next.clone().unwrap());
    let second = lists.reads.chats(MINE, &Listing { start, ..usual }).await.unwrap();
    assert_eq!(ids(&second), [chats[4], chats[3], chats[1]]);
    assert_eq!((second.next, second.total), (None, 6));

    let customer = first.items[1].customer;
    let open = lists.reads.open_chats_of(MINE, customer).await.unwrap();
    assert_eq!(open.iter().map(|chat| chat.id).collect::<Vec<_>>(), [chats[2]]);
    assert_eq!(lists.reads.open_chats_of(MINE, first.items[0].customer).await.unwrap(), []);
}

#[tokio::test]
async fn messages_of_a_chat_are_the_newest_first() {
    let mut lists = Lists::new().await;
    lists
        .happen(|history| {
            history.begin_chat();
            history.begin_chat();
            for number in 0..10 {
                history.receive(number % 2);
            }
        })
        .await;
    let (chat, messages) = (lists.history.chats[1], lists.history.messages.clone());
    let of_chat = MessageFilter { chat: Some(chat), ..MessageFilter::default() };
    let usual = Listing::first(of_chat, 3);
    let first = lists.reads.messages(MINE, &usual).await.unwrap();
    let ids = |page: &Marked<interflow_application::read::Message>| {
        page.items.iter().map(|m| m.id).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first), first.total), (vec![messages[9], messages[7], messages[5]], 5));
    let start = Start::After(first.next.clone().unwrap());
    let second = lists.reads.messages(MINE, &Listing { start, ..usual }).await.unwrap();
    assert_eq!((ids(&second), second.next), (vec![messages[3], messages[1]], None));
    assert!(second.items.iter().all(|message| message.content.is_some()));
}

async fn fill(pool: &PgPool, workspace: WorkspaceId, from: i32, to: i32) {
    let sql = "INSERT INTO customers (workspace_id, generation, id, tags, created_at, updated_at, version, \
             created_position) \
         SELECT $1, 1, gen_random_uuid(), '{}', '2026-01-01', now(), 1, n FROM generate_series($2, $3) AS n";
    sqlx::query(sql).bind(workspace.uuid()).bind(from).bind(to).execute(pool).await.unwrap();
}

#[tokio::test]
async fn the_total_is_exact_to_ten_thousand_and_an_estimate_beyond() {
    let lists = Lists::new().await;
    let pool = &lists.database.pool;
    fill(pool, MINE, 1, 10_000).await;
    fill(pool, workspace(2), 1, 15_000).await;
    let page = lists.customers(Start::Page(500), 20).await;
    assert_eq!((page.items.len(), page.total, page.total_is_estimate), (20, 10_000, false));

    // Never less than what was counted, also when the planner does not know yet.
    fill(pool, MINE, 10_001, 10_001).await;
    let page = lists.customers(Start::Page(1), 20).await;
    assert!(page.total_is_estimate && page.total > 10_000, "{}", page.total);

    fill(pool, MINE, 10_002, 40_000).await;
    sqlx::query("ANALYZE customers").execute(pool).await.unwrap();
    let page = lists.customers(Start::After(mark("2026-01-01T00:00:00Z", 20)), 20).await;
    assert_eq!((page.items.len(), page.next), (19, None));
    assert!(page.total_is_estimate && page.total.abs_diff(40_000) < 4_000, "{}", page.total);
}
