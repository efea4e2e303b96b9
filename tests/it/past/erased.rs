//! What was erased is erased in the past too, for every process from the moment the erasure is done.

use std::sync::Arc;

use interflow_application::log::StreamId;
use interflow_application::past::PastReads;
use interflow_application::read::{ChatFilter, ChatSort, CustomerFilter, Listing, MessageFilter, Sort};
use interflow_application::{Actor, Context, Erasures};
use interflow_domain::InstanceId;
use interflow_domain::chat::ChatEvent;
use interflow_infrastructure::clock::SystemClock;
use interflow_infrastructure::erasure::{ErasureList, PgErasures};
use interflow_infrastructure::read_models::PgPast;

use super::head;
use crate::event_log::fixture::{
    Build, Fixture, created, new_chat, new_customer, new_message, opened, queued,
};

#[tokio::test]
async fn what_was_erased_is_missing_in_the_past_and_named_and_nothing_else_is() {
    let fixture = Fixture::new().await;
    let (customer, other) = (new_customer(), new_customer());
    let (chat, message) = (new_chat(), new_message());
    let (chat_id, instance_id, customer_id) = (chat, InstanceId::default(), customer);
    let of_customer = ChatEvent::ChatOpened { chat_id, instance_id, customer_id };
    let begun =
        fixture.empty().on(StreamId::Customer(customer), 0, [created(customer, "Zebulina", "5511976253418")]);
    let begun = begun
        .on(StreamId::Customer(other), 0, [created(other, "Otto", "5511976253419")])
        .on(StreamId::Chat(chat), 0, [of_customer.into()])
        .on(StreamId::Message(message), 0, [queued(message, chat, customer, "wombatine")]);
    fixture.append(begun).await.unwrap();
    let at = head(&fixture).await;
    // Another process that has read it all a moment ago.
    let past = PgPast::new(fixture.another_process().await);
    let workspace = fixture.workspace;
    let seen = past.customer(workspace, at, customer).await.unwrap().unwrap();
    assert_eq!((seen.item.name.as_deref(), seen.erased), (Some("Zebulina"), false));
    let seen = past.message(workspace, at, message).await.unwrap().unwrap();
    assert!(seen.item.content.is_some() && !seen.erased);
    assert!(!past.chat(workspace, at, chat).await.unwrap().unwrap().erased);

    let directory = tempfile::tempdir().unwrap();
    let list = ErasureList::at(directory.path().join("erasures.jsonl"));
    let erasures =
        PgErasures::new(fixture.log.clone(), Arc::new(SystemClock), Arc::new(|_, _, _| vec![]), list);
    let context = Context::internal(workspace, Actor::System("test"), "req_test".to_owned());
    erasures.erase(&context, customer, None).await.unwrap();

    let seen = past.customer(workspace, at, customer).await.unwrap().unwrap();
    assert_eq!((seen.item.name, seen.item.phone, seen.item.email, seen.erased), (None, None, None, true));
    let seen = past.message(workspace, at, message).await.unwrap().unwrap();
    assert_eq!(
        (seen.item.content, seen.item.phone, seen.item.kind.as_str(), seen.erased),
        (None, None, "text", true)
    );
    let seen = past.chat(workspace, at, chat).await.unwrap().unwrap();
    assert!(seen.erased && seen.item.last_message.unwrap().preview.is_none());

    // In lists as well, whether it is found among what is there or among what is gone.
    let customers = past.customers(workspace, at, &Listing::default()).await.unwrap();
    let told: Vec<_> = customers.items.iter().map(|past| (past.item.id, past.erased)).collect();
    assert_eq!((told, customers.total), (vec![(other, false), (customer, true)], 2));
    let named = CustomerFilter { words: "zebulina".parse().ok(), ..CustomerFilter::default() };
    assert!(past.customers(workspace, at, &Listing::first(named, 20)).await.unwrap().items.is_empty());
    let messages = past.messages(workspace, at, &Listing::<MessageFilter, _>::default()).await.unwrap();
    assert!(messages.items[0].erased && messages.items[0].item.content.is_none());
    for key in [ChatSort::LastActivity, ChatSort::CreatedAt] {
        let sort = Sort { key, descending: true };
        let listing = Listing { sort, ..Listing::first(ChatFilter::default(), 20) };
        let chats = past.chats(workspace, at, &listing).await.unwrap();
        assert!(chats.items[0].erased && chats.items.len() == 1);
    }
    // Gone since the erasure.
    let now = head(&fixture).await;
    assert_eq!(past.customer(workspace, now, customer).await.unwrap(), None);
    assert_eq!(past.customers(workspace, now, &Listing::default()).await.unwrap().total, 1);
}

#[tokio::test]
async fn the_past_of_a_workspace_is_nothing_to_another() {
    let (fixture, stranger) = (Fixture::new().await, Fixture::new().await);
    let (customer, chat, message) = (new_customer(), new_chat(), new_message());
    let begun = fixture.created(customer, "5511976253418").on(StreamId::Chat(chat), 0, [opened(chat)]).on(
        StreamId::Message(message),
        0,
        [queued(message, chat, customer, "wombatine")],
    );
    fixture.append(begun).await.unwrap();
    // The same database, another workspace, as long a log.
    let mine = stranger.workspace;
    let log = &fixture.log;
    for _ in 0..4 {
        let append =
            crate::event_log::fixture::empty(mine).on(StreamId::Chat(new_chat()), 0, [opened(new_chat())]);
        interflow_application::log::EventLog::append(log, append).await.unwrap();
    }
    let past = PgPast::new(log.clone());
    for at in 0..=4 {
        assert_eq!(past.customer(mine, at, customer).await.unwrap(), None);
        assert_eq!(past.chat(mine, at, chat).await.unwrap(), None);
        assert_eq!(past.message(mine, at, message).await.unwrap(), None);
        assert_eq!(past.customers(mine, at, &Listing::default()).await.unwrap().total, 0);
        let of_chat = MessageFilter { chat: Some(chat), ..MessageFilter::default() };
        assert_eq!(past.messages(mine, at, &Listing::first(of_chat, 20)).await.unwrap().total, 0);
    }
}
