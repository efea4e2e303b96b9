//! Every list on a large workspace: what it answers, and what each of its statements reads.
//!
//! The plans are those that were really carried out ([`crate::support::plans`]).

use std::cell::RefCell;

use interflow_application::ChannelRef;
use interflow_application::log::LogError;
use interflow_application::read::{
    ChatFilter, ChatSort, CustomerFilter, CustomerSort, Listing, Mark, Marked, MessageFilter, MessageSort,
    Reads, Sort, SortKey, SortValue, Start, TimeRange,
};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::{ContentType, Direction, MessageStatus};
use interflow_domain::{ChatId, CustomerId, InstanceId};
use interflow_infrastructure::read_models::PgReads;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::lists_data::{CUSTOMERS, LARGE, fill, messages};
use crate::support::database::Database;
use crate::support::plans;

/// Most buffers that one statement of a list may read, however large the workspace is: one for each row that is tried,
/// and those of the index on the way to them.
const MOST_BUFFERS: u64 = 11_000;

/// What a page must be: the ids that a plain statement finds, in order, or their beginning where trying was left off.
async fn compare(pool: &PgPool, what: &str, sql: &str, page: &Marked<Uuid>, size: usize) {
    let wanted: Vec<Uuid> = sqlx::query_scalar(sql).fetch_all(pool).await.unwrap();
    let full = page.items.len() == size || page.next.is_none();
    let first = &wanted[..page.items.len().min(wanted.len())];
    assert_eq!(page.items, first, "{what}");
    assert!(
        !full || page.items.len() == size.min(wanted.len()),
        "{what}: {} of {}",
        page.items.len(),
        wanted.len()
    );
    if page.total_is_estimate {
        assert!(page.total >= page.items.len() as u64, "{what}");
    } else {
        assert_eq!(page.total, wanted.len() as u64, "{what}");
    }
    assert_eq!(page.next.is_some(), page.items.len() < wanted.len() || !full, "{what}");
}

struct Lists {
    /// For the lists.
    reads: PgReads,
    /// For what they are compared with.
    plain: PgPool,
    most: RefCell<(u64, String)>,
}

/// The list of a kind in every order, with each filter and the same as SQL.
macro_rules! in_every_order {
    ($lists:expr, $query:ident, $table:literal, $key:ty, $columns:expr, $filters:expr) => {
        for (filter, sql) in $filters {
            for (name, key) in <$key>::NAMES {
                for descending in [false, true] {
                    let sort = Sort { key: *key, descending };
                    let listing = Listing { sort, ..Listing::first(filter.clone(), 20) };
                    let what = format!("{} {sql} by {sort}", $table);
                    plans::forget();
                    let page = $lists.reads.$query(LARGE, &listing).await.unwrap();
                    $lists.note(&what);
                    let direction = if descending { "DESC" } else { "ASC" };
                    let (value, position) = $columns(*name);
                    let plain = format!(
                        "SELECT id FROM {} WHERE workspace_id = '{}' AND {sql} ORDER BY {value} {direction}, \
                         {position} {direction}",
                        $table,
                        LARGE.uuid()
                    );
                    let page = ids(page, |item| item.id.uuid());
                    compare(&$lists.plain, &what, &plain, &page, 20).await;
                }
            }
        }
    };
}

fn ids<T>(page: Marked<T>, id: impl Fn(&T) -> Uuid) -> Marked<Uuid> {
    let Marked { items, marks, total, total_is_estimate, next, is_out_of_reach } = page;
    Marked { items: items.iter().map(id).collect(), marks, total, total_is_estimate, next, is_out_of_reach }
}

impl Lists {
    fn note(&self, what: &str) {
        let most = plans::looked(what, MOST_BUFFERS).into_iter().max().unwrap();
        if most > self.most.borrow().0 {
            *self.most.borrow_mut() = (most, what.to_owned());
        }
    }
}

fn customer_filters() -> Vec<(CustomerFilter, &'static str)> {
    let all = CustomerFilter::default;
    let range =
        |after: &str, before: &str| TimeRange { after: after.parse().ok(), before: before.parse().ok() };
    let tags = |tags: &[&str]| tags.iter().map(|tag| tag.parse().unwrap()).collect();
    let words = |text: &str| Some(text.parse().unwrap());
    vec![
        (all(), "true"),
        (CustomerFilter { phone: "+55 11 90000-0042".parse().ok(), ..all() }, "phone = '5511900000042'"),
        (CustomerFilter { email: "c42@example.COM".parse().ok(), ..all() }, "email = 'C42@Example.com'"),
        (CustomerFilter { external_id: "ext-42".parse().ok(), ..all() }, "external_id = 'ext-42'"),
        (CustomerFilter { tags: tags(&["rare"]), ..all() }, "'rare' = ANY(tags)"),
        (CustomerFilter { tags: tags(&["common"]), ..all() }, "'common' = ANY(tags)"),
        (CustomerFilter { tags: tags(&["common", "rare"]), ..all() }, "'rare' = ANY(tags)"),
        (CustomerFilter { tags: tags(&["none"]), ..all() }, "false"),
        (CustomerFilter { words: words("joao c4ca4238"), ..all() }, "name LIKE 'João c4ca4238%'"),
        (CustomerFilter { words: words("JOSÉ"), ..all() }, "name LIKE 'José%'"),
        (CustomerFilter { words: words("example.com"), ..all() }, "true"),
        (CustomerFilter { words: words("c4242"), ..all() }, "(email LIKE 'C4242%' OR name LIKE '%c4242%')"),
        (CustomerFilter { words: words("(11) 90000-42"), ..all() }, "phone LIKE '%119000042%'"),
        (
            CustomerFilter { words: words("da c4"), ..all() },
            "(name LIKE 'Davi%' OR name LIKE '% da%') AND (email LIKE 'C4%' OR name LIKE '% c4%')",
        ),
        (CustomerFilter { words: words("a_b% 日本"), ..all() }, "false"),
        (
            CustomerFilter { words: words("ana"), tags: tags(&["rare"]), ..all() },
            "name LIKE 'Ana%' AND 'rare' = ANY(tags)",
        ),
        (
            CustomerFilter { created: range("2026-01-01T01:00:00Z", "2026-01-01T01:10:00Z"), ..all() },
            "created_at > '2026-01-01 01:00Z' AND created_at < '2026-01-01 01:10Z'",
        ),
        (
            CustomerFilter { created: range("2026-01-02T00:00:00Z", ""), ..all() },
            "created_at > '2026-01-02 00:00Z'",
        ),
        (
            CustomerFilter { updated: range("", "2026-02-01T00:10:00Z"), ..all() },
            "updated_at < '2026-02-01 00:10Z'",
        ),
        (
            CustomerFilter {
                updated: range("2026-02-01T12:00:00Z", ""),
                created: range("", "2026-01-01T02:00:00Z"),
                ..all()
            },
            "updated_at > '2026-02-01 12:00Z' AND created_at < '2026-01-01 02:00Z'",
        ),
        (
            CustomerFilter { tags: tags(&["common"]), updated: range("2026-02-02T00:00:00Z", ""), ..all() },
            "'common' = ANY(tags) AND updated_at > '2026-02-02 00:00Z'",
        ),
    ]
}

fn chat_filters() -> Vec<(ChatFilter, &'static str)> {
    let all = ChatFilter::default;
    let channel = |name: &str| Some(name.parse::<ChannelRef>().unwrap());
    let active =
        TimeRange { after: "2026-02-01T06:00:00Z".parse().ok(), before: "2026-02-01T06:10:00Z".parse().ok() };
    let within = "updated_at > '2026-02-01 06:00Z' AND updated_at < '2026-02-01 06:10Z'";
    vec![
        (all(), "true"),
        (ChatFilter { status: Some(ChatStatus::Open), ..all() }, "status = 'open'"),
        (ChatFilter { status: Some(ChatStatus::Snoozed), ..all() }, "status = 'snoozed'"),
        (
            ChatFilter { channel: channel("channel-1"), ..all() },
            "instance_id = '00000000-0000-0000-0000-000000000001'",
        ),
        (
            ChatFilter { channel: channel("channel-2"), ..all() },
            "instance_id = '00000000-0000-0000-0000-000000000002'",
        ),
        (ChatFilter { channel: Some(ChannelRef::id(InstanceId::new(Uuid::from_u128(9)))), ..all() }, "false"),
        (ChatFilter { channel: channel("nothing"), ..all() }, "false"),
        (
            ChatFilter { customer: Some(CustomerId::new(Uuid::from_u128(0x98_968A))), ..all() },
            "created_position = 10",
        ),
        (ChatFilter { assigned: "Otto".parse().ok(), ..all() }, "assignee = 'Otto'"),
        (ChatFilter { assigned: "Eva".parse().ok(), ..all() }, "assignee = 'Eva'"),
        (ChatFilter { assigned: "none".parse().ok(), ..all() }, "assignee IS NULL"),
        (ChatFilter { unread: Some(true), ..all() }, "unread_count > 0"),
        (ChatFilter { unread: Some(false), ..all() }, "unread_count = 0"),
        (ChatFilter { active, ..all() }, within),
        (
            ChatFilter {
                status: Some(ChatStatus::Open),
                assigned: "none".parse().ok(),
                unread: Some(true),
                ..all()
            },
            "status = 'open' AND assignee IS NULL AND unread_count > 0",
        ),
        (
            ChatFilter { channel: channel("channel-2"), status: Some(ChatStatus::Snoozed), ..all() },
            "instance_id = '00000000-0000-0000-0000-000000000002' AND status = 'snoozed'",
        ),
        (
            ChatFilter { status: Some(ChatStatus::Closed), active, ..all() },
            "status = 'closed' AND updated_at > '2026-02-01 06:00Z' AND updated_at < '2026-02-01 06:10Z'",
        ),
    ]
}

fn message_filters() -> Vec<(MessageFilter, &'static str)> {
    let all = MessageFilter::default;
    let channel = |name: &str| Some(name.parse::<ChannelRef>().unwrap());
    let (long, short) = (Uuid::from_u128(0x98_9681), Uuid::from_u128(0x98_968A));
    let created =
        TimeRange { after: "2026-03-01T06:00:00Z".parse().ok(), before: "2026-03-01T06:10:00Z".parse().ok() };
    vec![
        (all(), "true"),
        (
            MessageFilter { chat: Some(ChatId::new(long)), ..all() },
            "chat_id = '00000000-0000-0000-0000-000000989681'",
        ),
        (
            MessageFilter { chat: Some(ChatId::new(short)), ..all() },
            "chat_id = '00000000-0000-0000-0000-00000098968a'",
        ),
        (
            MessageFilter { customer: Some(CustomerId::new(short)), ..all() },
            "customer_id = '00000000-0000-0000-0000-00000098968a'",
        ),
        (
            MessageFilter { channel: channel("channel-1"), ..all() },
            "instance_id = '00000000-0000-0000-0000-000000000001'",
        ),
        (
            MessageFilter { channel: channel("channel-2"), ..all() },
            "instance_id = '00000000-0000-0000-0000-000000000002'",
        ),
        (MessageFilter { direction: Some(Direction::Inbound), ..all() }, "direction = 'inbound'"),
        (MessageFilter { status: Some(MessageStatus::Failed), ..all() }, "status = 'failed'"),
        (MessageFilter { status: Some(MessageStatus::Queued), ..all() }, "status = 'queued'"),
        (MessageFilter { status: Some(MessageStatus::Read), ..all() }, "status = 'read'"),
        (MessageFilter { status: Some(MessageStatus::Played), ..all() }, "status = 'played'"),
        (MessageFilter { kind: Some(ContentType::Unsupported), ..all() }, "kind = 'unsupported'"),
        (
            MessageFilter { created, ..all() },
            "created_at > '2026-03-01 06:00Z' AND created_at < '2026-03-01 06:10Z'",
        ),
        (
            MessageFilter { channel: channel("channel-1"), status: Some(MessageStatus::Failed), ..all() },
            "status = 'failed' AND instance_id = '00000000-0000-0000-0000-000000000001'",
        ),
        (
            MessageFilter { chat: Some(ChatId::new(long)), direction: Some(Direction::Outbound), ..all() },
            "chat_id = '00000000-0000-0000-0000-000000989681' AND direction = 'outbound'",
        ),
        (
            MessageFilter { chat: Some(ChatId::new(long)), customer: Some(CustomerId::new(short)), ..all() },
            "false",
        ),
    ]
}

#[tokio::test(flavor = "current_thread")]
async fn every_list_of_a_large_workspace_is_right_and_reads_little() {
    let database = Database::new().await;
    fill(&database.pool).await;
    let (one, _log) = plans::watched(&database.options).await;
    let (reads, plain) = (PgReads::new(one.clone()), database.pool.clone());
    let lists = Lists { reads, plain, most: RefCell::default() };

    let folded_name = "coalesce('0' || left(folded(name), 100), '1') COLLATE \"C\"";
    let customer_columns =
        |name: &'static str| (if name == "name" { folded_name } else { name }, "created_position");
    in_every_order!(lists, customers, "customers", CustomerSort, customer_columns, customer_filters());
    let chat_columns = |name: &'static str| {
        if name == "created_at" { (name, "created_position") } else { ("updated_at", "touched_position") }
    };
    in_every_order!(lists, chats, "chats", ChatSort, chat_columns, chat_filters());
    let message_columns = |name: &'static str| (name, "created_position");
    in_every_order!(lists, messages, "messages", MessageSort, message_columns, message_filters());
    println!("most buffers of a statement: {:?}", lists.most.borrow());

    far_pages_cost_what_the_first_costs(&lists).await;
    what_is_rare_and_has_no_index_is_found_by_following_the_cursor(&lists).await;
    one.close().await;
}

/// Buffers of the statement that reads the page, which comes first.
async fn far_pages_cost_what_the_first_costs(lists: &Lists) {
    let far = i64::from(CUSTOMERS) - 40;
    for (name, key) in CustomerSort::NAMES {
        let sort = Sort { key: *key, descending: false };
        let value =
            if key.is_text() { "coalesce('0' || left(folded(name), 100), '1') COLLATE \"C\"" } else { name };
        let sql = format!(
            "SELECT {value}, created_position FROM customers WHERE workspace_id = $1 ORDER BY 1, 2 OFFSET $2 LIMIT 1"
        );
        let row = sqlx::query(&sql).bind(LARGE.uuid()).bind(far).fetch_one(&lists.plain).await.unwrap();
        let value = if key.is_text() { SortValue::Text(row.get(0)) } else { SortValue::Time(row.get(0)) };
        let mark = Mark { value, position: u64::try_from(row.get::<i64, _>(1)).unwrap() };
        let first = Listing { sort, ..Listing::first(CustomerFilter::default(), 20) };
        costs_the_same(name, &first, mark, async |listing| lists.reads.customers(LARGE, listing).await).await;
    }
    let sql = "SELECT created_at, created_position FROM messages WHERE workspace_id = $1 ORDER BY 1 DESC, 2 DESC \
         OFFSET 99980 LIMIT 1";
    let row = sqlx::query(sql).bind(LARGE.uuid()).fetch_one(&lists.plain).await.unwrap();
    let position = u64::try_from(row.get::<i64, _>(1)).unwrap();
    let mark = Mark { value: SortValue::Time(row.get(0)), position };
    for filter in [
        MessageFilter::default(),
        MessageFilter { direction: Some(Direction::Outbound), ..Default::default() },
    ] {
        let first = Listing::first(filter, 20);
        let mark = mark.clone();
        costs_the_same("messages", &first, mark, async |listing| lists.reads.messages(LARGE, listing).await)
            .await;
    }
}

async fn costs_the_same<F: Clone, K: SortKey, T>(
    what: &str,
    first: &Listing<F, K>,
    mark: Mark,
    ask: impl AsyncFn(&Listing<F, K>) -> Result<Marked<T>, LogError>,
) {
    plans::forget();
    assert_eq!(ask(first).await.unwrap().items.len(), 20);
    let near = plans::looked(what, MOST_BUFFERS);
    let far = Listing { filter: first.filter.clone(), start: Start::After(mark), ..*first };
    assert_eq!(ask(&far).await.unwrap().items.len(), 20);
    let far = plans::looked(what, MOST_BUFFERS);
    assert!(far[0] <= near[0] + near[0] / 2 + 10, "{what}: {near:?} buffers for page 1, {far:?} far behind");
}

async fn what_is_rare_and_has_no_index_is_found_by_following_the_cursor(lists: &Lists) {
    let filter = MessageFilter { kind: Some(ContentType::Unsupported), ..MessageFilter::default() };
    let mut listing = Listing::first(filter, 20);
    let (mut found, mut pages) = (vec![], 0);
    loop {
        let page = lists.reads.messages(LARGE, &listing).await.unwrap();
        plans::looked("following", MOST_BUFFERS);
        assert!(page.total_is_estimate && !page.is_out_of_reach);
        found.extend(page.items.iter().map(|message| message.id.uuid()));
        pages += 1;
        match page.next {
            Some(mark) => listing.start = Start::After(mark),
            None => break,
        }
    }
    let sql =
        "SELECT id FROM messages WHERE workspace_id = $1 AND kind = 'unsupported' ORDER BY created_at DESC";
    let wanted: Vec<Uuid> = sqlx::query_scalar(sql).bind(LARGE.uuid()).fetch_all(&lists.plain).await.unwrap();
    assert_eq!(found, wanted);
    assert!(pages <= messages() / 10_000 + 2, "{pages}");
    // By number only what was tried can be reached.
    let far = Listing { start: Start::Page(5), ..listing };
    let far = lists.reads.messages(LARGE, &far).await.unwrap();
    assert!(far.is_out_of_reach && far.items.is_empty());
}
