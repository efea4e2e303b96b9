use std::collections::{BTreeMap, BTreeSet};

use interflow_application::log::StreamId;
use interflow_domain::webhook::{
    DisableReason, Format, Origin, PausedBy, SettingsDraft, StartFrom, WebhookEvent as E,
};
use interflow_domain::{Personal, Subject, WebhookId};
use uuid::Uuid;

use super::{Row, fold};
use crate::read_models::testing::{Recorder, recorded_at};

const WEBHOOK: WebhookId = WebhookId::new(Uuid::from_u128(9));

fn created() -> E {
    let settings = SettingsDraft {
        url: "https://example.com/".parse().unwrap(),
        description: None,
        format: Format::Standard,
        schema_version: 1,
        events: BTreeSet::new(),
        channels: BTreeSet::new(),
        headers: BTreeMap::new(),
        rate_limit: None,
        schedule: None,
        by_events: false,
    };
    E::WebhookCreated {
        webhook_id: WEBHOOK,
        settings: settings.belonging_to(WEBHOOK),
        secret: Personal::new(
            Subject::Webhook(WEBHOOK),
            format!("whsec_{}", "A".repeat(32)).parse().unwrap(),
        ),
        start_from: StartFrom::Position { position: 3 },
        origin: Origin::Api,
    }
}

fn after<const N: usize>(events: [E; N]) -> Option<Row> {
    let (mut recorder, mut row) = (Recorder::default(), None);
    for event in [created()].into_iter().chain(events) {
        fold(&mut row, &recorder.record(StreamId::Webhook(WEBHOOK), event));
    }
    row
}

fn state(row: &Row) -> (&str, Option<&str>) {
    (&row.view.status, row.view.reason.as_deref())
}

#[test]
fn a_new_webhook_is_active_and_knows_where_it_starts() {
    let row = after([]).unwrap();
    assert_eq!((row.view.id, state(&row)), (WEBHOOK, ("active", None)));
    assert_eq!((row.start_from, row.created_position), (StartFrom::Position { position: 3 }, 1));
    assert_eq!((row.view.created_at, row.view.version), (recorded_at(1), 1));
}

#[test]
fn why_it_is_told_nothing_is_known() {
    let pause = |by| E::WebhookPaused { by };
    assert_eq!(state(&after([pause(PausedBy::Caller)]).unwrap()), ("paused", Some("caller")));
    assert_eq!(state(&after([pause(PausedBy::Backlog)]).unwrap()), ("paused", Some("backlog")));
    let resumed = after([pause(PausedBy::Caller), E::WebhookResumed {}]).unwrap();
    assert_eq!((state(&resumed), resumed.view.updated_at), (("active", None), recorded_at(3)));
    let disabled = after([E::WebhookDisabled { reason: DisableReason::Gone }]).unwrap();
    assert_eq!(state(&disabled), ("disabled", Some("gone")));
}

#[test]
fn only_what_enables_it_makes_its_breaker_forget() {
    let paused = after([E::WebhookPaused { by: PausedBy::Backlog }, E::WebhookResumed {}]).unwrap();
    assert_eq!(paused.activated_position, 1);
    let disable = E::WebhookDisabled { reason: DisableReason::Failing };
    assert_eq!(after([disable, E::WebhookEnabled {}]).unwrap().activated_position, 3);
}

#[test]
fn a_deleted_webhook_leaves() {
    assert_eq!(after([E::WebhookDeleted {}]), None);
}
