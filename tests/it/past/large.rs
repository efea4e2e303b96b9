//! Lists of the past that are longer than one answer may read.

use interflow_application::log::{EventLog, StreamId};
use interflow_application::past::{PastError, PastReads};
use interflow_application::read::{
    ChatFilter, ChatSort, CustomerFilter, CustomerSort, Listing, MessageFilter, MessageSort, Sort, Start,
};
use interflow_domain::MessageId;
use interflow_domain::message::{MessageEvent, MessageStatus};
use sqlx::Executor;

use super::{head, past};
use crate::event_log::fixture::{
    Build, Fixture, created, later, new_chat, new_customer, new_message, opened, queued,
};

/// More than are folded for one answer.
const MANY: usize = 2_300;

/// A chat of many messages, every hundredth of which was sent.
async fn many_messages(fixture: &Fixture) -> Vec<MessageId> {
    let (customer, chat) = (new_customer(), new_chat());
    let begun =
        fixture.empty().on(StreamId::Customer(customer), 0, [created(customer, "Ana", "5511999990000")]);
    fixture.append(begun.on(StreamId::Chat(chat), 0, [opened(chat)])).await.unwrap();
    let mut sent = vec![];
    for hundred in 0..MANY / 100 {
        let mut append = fixture.empty();
        for n in 0..100 {
            let message = new_message();
            let mut events = vec![queued(message, chat, customer, &format!("message {hundred} {n}"))];
            if n == 50 {
                events.push(MessageEvent::MessageSent { at: later(0) }.into());
                sent.push(message);
            }
            append = append.on(StreamId::Message(message), 0, events);
        }
        fixture.append(append).await.unwrap();
    }
    sent
}

#[tokio::test]
async fn what_few_messages_fit_is_found_page_by_page() {
    let fixture = Fixture::new().await;
    let mut sent = many_messages(&fixture).await;
    let at = head(&fixture).await;
    // All of them are something else by now.
    for message in &sent {
        let read = MessageEvent::MessageRead { at: later(0) };
        fixture.append(fixture.empty().on(StreamId::Message(*message), 2, [read.into()])).await.unwrap();
    }
    let past = past(&fixture);
    for descending in [false, true] {
        let filter = MessageFilter { status: Some(MessageStatus::Sent), ..MessageFilter::default() };
        let mut listing =
            Listing { sort: Sort { key: MessageSort::CreatedAt, descending }, ..Listing::first(filter, 100) };
        let (mut found, mut answers) = (vec![], 0);
        loop {
            let page = past.messages(fixture.workspace, at, &listing).await.unwrap();
            assert!(page.total_is_estimate && (20..=26).contains(&page.total), "{}", page.total);
            found.extend(page.items.iter().map(|past| past.item.id));
            assert!(page.items.iter().all(|past| past.item.status == MessageStatus::Sent));
            answers += 1;
            let Some(next) = page.next else { break };
            listing.start = Start::After(next);
        }
        assert_eq!((found, answers), (sent.clone(), 2));
        sent.reverse();
    }
    let filter = MessageFilter { status: Some(MessageStatus::Sent), ..MessageFilter::default() };
    let far = Listing { start: Start::Page(5), ..Listing::first(filter, 100) };
    assert!(past.messages(fixture.workspace, at, &far).await.unwrap().is_out_of_reach);
}

/// Rows without a log, as many as there may be and one.
const ROWS: &str = "INSERT INTO chats (workspace_id, generation, id, instance_id, customer_id, status, inbound_count, \
         unread_count, created_at, updated_at, version, created_position, touched_position) \
     SELECT workspace_id, 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'open', 0, 0, now(), now(), 1, 1, 2 \
     FROM heads, generate_series(1, 10001) n; \
     INSERT INTO customers (workspace_id, generation, id, tags, created_at, updated_at, version, created_position) \
     SELECT workspace_id, 1, gen_random_uuid(), '{}', now(), now(), 1, 1 FROM heads, generate_series(1, 10001) n";

#[tokio::test]
async fn what_would_have_to_be_sorted_anew_is_refused_when_it_is_too_much() {
    let fixture = Fixture::new().await;
    for _ in 0..2 {
        fixture.append(fixture.opened(new_chat())).await.unwrap();
    }
    fixture.pool.execute(ROWS).await.unwrap();
    let (past, workspace, at) = (past(&fixture), fixture.workspace, 1);
    let refused = |error: PastError| match error {
        PastError::TooMuch { parameter: "sort", message } => {
            assert!(message.contains("'-created_at'"), "{message}")
        }
        other => panic!("{other:?}"),
    };
    let chats =
        |key| Listing { sort: Sort { key, descending: true }, ..Listing::first(ChatFilter::default(), 20) };
    refused(past.chats(workspace, at, &chats(ChatSort::LastActivity)).await.unwrap_err());
    assert!(past.chats(workspace, at, &chats(ChatSort::CreatedAt)).await.is_ok());
    for key in [CustomerSort::Name, CustomerSort::UpdatedAt, CustomerSort::CreatedAt] {
        let sort = Sort { key, descending: true };
        let customers = Listing { sort, ..Listing::first(CustomerFilter::default(), 20) };
        match past.customers(workspace, at, &customers).await {
            Ok(page) => assert!(key == CustomerSort::CreatedAt && page.next.is_some()),
            Err(error) => refused(error),
        }
    }
}

#[tokio::test]
async fn a_place_behind_which_too_many_were_deleted_is_refused() {
    let fixture = Fixture::new().await;
    let customer = new_customer();
    fixture.append(fixture.created(customer, "5511900000001")).await.unwrap();
    let at = head(&fixture).await;
    let gone = "INSERT INTO events (workspace_id, position, event_id, aggregate_type, aggregate_id, sequence, event_type, \
             event_version, payload, metadata, timestamp) \
         SELECT workspace_id, position + n, gen_random_uuid(), 'customer', 'cus_' || n, 2, 'customer.deleted', '1.0', '{}', \
             '{}', now() FROM heads, generate_series(1, 10001) n";
    fixture.pool.execute(gone).await.unwrap();
    let refused = past(&fixture).customers(fixture.workspace, at, &Listing::default()).await.unwrap_err();
    let PastError::TooMuch { parameter, message } = refused else { panic!("{refused:?}") };
    assert_eq!(parameter, "as_of");
    assert!(message.contains("10000"), "{message}");
    let one = past(&fixture).customer(fixture.workspace, at, customer).await.unwrap();
    assert_eq!(one.unwrap().item.id, customer);
    assert_eq!(fixture.log.head(fixture.workspace).await.unwrap(), at);
}
