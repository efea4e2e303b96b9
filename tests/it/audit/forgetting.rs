//! Addresses of callers are forgotten by months, and the log stays as it is.

use std::sync::Arc;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use interflow_application::audit::{AuditReads, ClientAddress, EventFilter, Stretch};
use interflow_application::log::{Append, EventLog, StreamId};
use interflow_application::{Actor, Clock, Context};
use interflow_domain::{ChatId, KeyId};
use interflow_infrastructure::audit::PgAudit;
use interflow_infrastructure::clock::SystemClock;
use uuid::Uuid;

use crate::event_log::fixture::{Build, Fixture, assigned, new_chat, opened};

const STRETCH: Stretch = Stretch { from: None, ascending: true, size: 100 };

fn append(fixture: &Fixture, chat: ChatId, version: u64, at: DateTime<Utc>) -> Append {
    let context =
        Context::internal(fixture.workspace, Actor::Key(KeyId::new(Uuid::from_u128(7))), "req_1".to_owned());
    let context = Context { client: Some("203.0.113.7".parse().unwrap()), ..context };
    let event = if version == 0 { opened(chat) } else { assigned("Bea") };
    Append { context, recorded_at: at, ..fixture.empty() }.on(StreamId::Chat(chat), version, [event])
}

async fn addresses(audit: &PgAudit, fixture: &Fixture) -> Vec<ClientAddress> {
    let found = audit.events(fixture.workspace, &EventFilter::default(), STRETCH).await.unwrap();
    found.events.iter().map(|event| event.circumstances.client_address).collect()
}

#[tokio::test]
async fn addresses_of_months_that_are_over_are_forgotten_and_no_others() {
    let fixture = Fixture::new().await;
    let audit = PgAudit::new(fixture.log.clone());
    let chat = new_chat();
    let now: DateTime<Utc> = "2026-03-10T12:00:00Z".parse().unwrap();
    let january = now - TimeDelta::days(50);
    assert_eq!(january.month(), 1);
    fixture.append(append(&fixture, chat, 0, january)).await.unwrap();
    fixture.append(append(&fixture, chat, 1, now)).await.unwrap();
    let known = ClientAddress::Known("203.0.113.7".parse().unwrap());
    assert_eq!(addresses(&audit, &fixture).await, [known, known]);
    let stored = "SELECT string_agg(payload::text || metadata::text, '\n' ORDER BY position) FROM events";
    let before: String = sqlx::query_scalar(stored).fetch_one(&fixture.pool).await.unwrap();

    fixture.log.forget_addresses("2026-01-31T23:59:59Z".parse().unwrap()).await.unwrap();
    assert_eq!(addresses(&audit, &fixture).await, [known, known], "January is not over");
    fixture.log.forget_addresses("2026-02-01T00:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(addresses(&audit, &fixture).await, [ClientAddress::Erased, known]);
    // Another process that remembers keys hears of it, at the latest when it appends.
    let there = fixture.another_process().await;
    there.append(append(&fixture, chat, 2, january)).await.unwrap();
    fixture.append(append(&fixture, chat, 3, january)).await.unwrap();
    assert_eq!(addresses(&audit, &fixture).await, [ClientAddress::Erased, known, known, known]);
    let after: String = sqlx::query_scalar(stored).fetch_one(&fixture.pool).await.unwrap();
    assert!(after.starts_with(&before), "no stored byte has changed");
    assert_eq!(fixture.sound().await, 4);
}

#[tokio::test]
async fn an_address_that_was_moved_to_another_request_does_not_open() {
    let fixture = Fixture::new().await;
    let audit = PgAudit::new(fixture.log.clone());
    fixture.append(append(&fixture, new_chat(), 0, SystemClock.now())).await.unwrap();
    let change = "ALTER TABLE events DISABLE TRIGGER ALL; \
         UPDATE events SET metadata = replace(metadata::text, '\"request_id\":\"req_1\"', '\"request_id\":\"req_2\"')::json";
    sqlx::raw_sql(change).execute(&fixture.pool).await.unwrap();
    let found = audit.events(fixture.workspace, &EventFilter::default(), STRETCH).await;
    assert!(found.unwrap_err().to_string().contains("does not open"));
}

#[tokio::test]
async fn appends_that_need_the_key_of_an_address_at_once_make_one() {
    let fixture = Arc::new(Fixture::new().await);
    let appends: Vec<_> = (0..20).map(|_| append(&fixture, new_chat(), 0, SystemClock.now())).collect();
    for answer in fixture.append_together(appends).await {
        answer.unwrap();
    }
    let keys =
        fixture.count("SELECT count(*) FROM data_keys WHERE workspace_id = $1 AND subject LIKE 'key%'").await;
    assert_eq!(keys, 1);
    let audit = PgAudit::new(fixture.log.clone());
    let known = ClientAddress::Known("203.0.113.7".parse().unwrap());
    let found = addresses(&audit, &fixture).await;
    assert_eq!(found.iter().filter(|address| **address == known).count(), 20);
}
