//! What many rows need of others is asked for once, however many rows there are.

use std::cell::RefCell;
use std::fmt::Debug;

use serde_json::{Value, json};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::rest::server::Server;

thread_local! {
    /// The statements that were carried out on this thread.
    static STATEMENTS: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

struct Statements;

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut Self);
        }
    }
}

impl tracing::field::Visit for Statements {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        // The summary is the beginning, and the statement is empty where that is all of it.
        if ["summary", "db.statement"].contains(&field.name()) && !value.ends_with('…') && !value.is_empty()
        {
            STATEMENTS.with_borrow_mut(|statements| statements.push(value.trim().to_owned()));
        }
    }

    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Those that read what a query asks for, and not what the server does beside.
fn reading() -> Vec<String> {
    let tables = ["customers", "chats", "messages", "channels"];
    let reads = |statement: &String| {
        statement.starts_with("SELECT") && tables.iter().any(|table| statement.contains(table))
    };
    STATEMENTS.take().into_iter().filter(reads).collect()
}

const QUERY: &str = "query($first: Int!) { chats(first: $first) { totalCount nodes { id channel { name } \
    customer { name phone } messages(first: 20) { nodes { id content { ... on TextContent { text } } \
    customer { id } channel { id } } } } } }";

/// On one thread, so that the server's statements are this test's.
#[tokio::test(flavor = "current_thread")]
async fn fifty_chats_with_all_that_belongs_to_them_cost_as_many_statements_as_three() {
    // While there is one dispatcher alone, tracing asks the thread that comes across a statement first, which may be
    // another test's and have none: then nobody is told of it.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(Statements));
    let server = Server::with(|config| interflow::config::Config { bulk_rate_per_minute: 1, ..config }).await;
    let api = &server.api;
    server.open_channel("shop").await;
    for part in 0..2 {
        let letters: Vec<Value> = (0..50 * 11)
            .map(|n| {
                let (customer, number) = (n % 50, part * 11 + n / 50);
                json!({"to": format!("55119000001{customer:02}"), "type": "text", "content": {"text": format!("{number}")}})
            })
            .collect();
        api.post("/v1/messages/bulk", json!({"channel_id": "shop", "messages": letters})).await.expect(202);
    }
    let mut counts = vec![];
    for first in [3, 50] {
        STATEMENTS.take();
        let told = api.asked_with(QUERY, json!({"first": first})).await;
        let statements = reading();
        let chats = told["chats"]["nodes"].as_array().unwrap();
        assert_eq!((chats.len(), &told["chats"]["totalCount"]), (first, &json!(50)));
        for chat in chats {
            let messages = chat["messages"]["nodes"].as_array().unwrap();
            assert_eq!(messages.len(), 20);
            let texts: Vec<&str> =
                messages.iter().map(|message| message["content"]["text"].as_str().unwrap()).collect();
            let latest: Vec<String> = (2..22).rev().map(|number| number.to_string()).collect();
            assert_eq!(texts, latest, "the last 20, the latest first");
            assert!(chat["customer"]["phone"].as_str().unwrap().starts_with("55119000001"));
            assert_eq!(chat["channel"]["name"], "shop");
        }
        counts.push((first, statements.len(), statements));
    }
    for (first, count, statements) in counts {
        // The chats and their number; channels, customers, messages; customers and channels of the messages. What a busy
        // machine tears apart may be one more.
        assert!((5..=10).contains(&count), "{count} statements for {first} chats: {statements:#?}");
    }
}
