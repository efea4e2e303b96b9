use interflow_application::log::StreamId;
use interflow_domain::workspace::{
    KeyOrigin, MessageRetention, Plan, Scope, WorkspaceEvent as E, WorkspaceStatus,
};

use super::{Row, fold};
use crate::read_models::testing::{KEY, Recorder, WORKSPACE, recorded_at};

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, WORKSPACE, &recorder.record(StreamId::Workspace(WORKSPACE), event));
    }
    row
}

fn created() -> E {
    E::WorkspaceCreated { workspace_id: WORKSPACE, slug: "main".parse().unwrap(), plan: Plan::Starter }
}

#[test]
fn a_created_workspace_is_active_and_has_its_plan() {
    let Row { view, creation_order } = folded([created()]).unwrap();
    assert_eq!((view.id, view.slug.as_str(), view.name), (WORKSPACE, "main", None));
    assert_eq!(
        (view.plan, view.status, view.suspended_reason),
        (Plan::Starter, WorkspaceStatus::Active, None)
    );
    assert_eq!((view.created_at, view.updated_at, view.version), (recorded_at(1), recorded_at(1), 1));
    assert_eq!(creation_order, (recorded_at(1).timestamp_micros() << 10) + 1);
}

#[test]
fn name_plan_and_status_are_the_latest() {
    let renamed = E::WorkspaceRenamed { name: Some("Main street".parse().unwrap()) };
    let suspended = E::WorkspaceSuspended { reason: Some("Unpaid".parse().unwrap()) };
    let plan = E::WorkspacePlanChanged { plan: Plan::Enterprise };
    let view = folded([created(), renamed.clone(), plan, suspended.clone()]).unwrap().view;
    assert_eq!((view.name.as_deref(), view.plan), (Some("Main street"), Plan::Enterprise));
    assert_eq!((view.status, view.suspended_reason.as_deref()), (WorkspaceStatus::Suspended, Some("Unpaid")));
    assert_eq!((view.created_at, view.updated_at, view.version), (recorded_at(1), recorded_at(4), 4));

    let unnamed = E::WorkspaceRenamed { name: None };
    let view = folded([created(), renamed, suspended, E::WorkspaceResumed {}, unnamed]).unwrap().view;
    assert_eq!((view.name, view.status, view.suspended_reason), (None, WorkspaceStatus::Active, None));
}

#[test]
fn how_long_messages_are_kept_is_the_latest_and_a_certificate_is_no_change() {
    let changed = |days| E::RetentionChanged { message_days: MessageRetention::try_new(days).ok() };
    let before = recorded_at(1).date_naive();
    let expired = E::MessagesExpired { before, data_keys: 1, messages: 2, webhook_attempts: 3 };
    let view = folded([created(), changed(90), changed(30), expired]).unwrap().view;
    assert_eq!(view.message_retention, MessageRetention::try_new(30).ok());
    assert_eq!((view.updated_at, view.version), (recorded_at(3), 4));
    let view = folded([created(), changed(90), changed(0)]).unwrap().view;
    assert_eq!(view.message_retention, None);
}

#[test]
fn a_key_s_event_counts_and_is_no_change_of_the_workspace() {
    let issued = E::KeyIssued {
        key_id: KEY,
        name: "admin".parse().unwrap(),
        scopes: vec![Scope::All],
        secret_sha256: "ab".to_owned(),
        expires_at: None,
        origin: KeyOrigin::Issued,
        prefix: None,
    };
    let view = folded([created(), issued, E::KeyRevoked { key_id: KEY }]).unwrap().view;
    assert_eq!((view.updated_at, view.version), (recorded_at(1), 3));
}

#[test]
fn an_event_of_a_workspace_that_is_not_there_changes_nothing() {
    assert_eq!(folded([E::WorkspaceResumed {}]), None);
}
