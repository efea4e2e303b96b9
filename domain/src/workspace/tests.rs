//! Given what happened to a workspace, when something is asked of it, then this happens.

use super::{KeyOrigin, Plan, Scope, Workspace, WorkspaceCommand, WorkspaceError, WorkspaceEvent};
use crate::testing::{assert_repeating_changes_nothing, at, given, state, uuid, value};
use crate::{KeyId, WorkspaceId};

const ID: WorkspaceId = WorkspaceId::new(uuid(1));

const fn key(number: u128) -> KeyId {
    KeyId::new(uuid(number))
}

fn create() -> WorkspaceCommand {
    WorkspaceCommand::CreateWorkspace { workspace_id: ID, slug: value("default"), plan: Plan::Starter }
}

fn created() -> Vec<WorkspaceEvent> {
    vec![WorkspaceEvent::WorkspaceCreated { workspace_id: ID, slug: value("default"), plan: Plan::Starter }]
}

fn issue(number: u128, secret: &str, origin: KeyOrigin) -> WorkspaceCommand {
    WorkspaceCommand::IssueKey {
        key_id: key(number),
        name: value("Admin"),
        scopes: vec![Scope::All],
        secret_sha256: secret.into(),
        expires_at: Some(at(60)),
        origin,
    }
}

fn issued(number: u128, secret: &str, origin: KeyOrigin) -> WorkspaceEvent {
    WorkspaceEvent::KeyIssued {
        key_id: key(number),
        name: value("Admin"),
        scopes: vec![Scope::All],
        secret_sha256: secret.into(),
        expires_at: Some(at(60)),
        origin,
    }
}

fn with(mut events: Vec<WorkspaceEvent>, event: WorkspaceEvent) -> Vec<WorkspaceEvent> {
    events.push(event);
    events
}

fn with_key() -> Vec<WorkspaceEvent> {
    with(created(), issued(2, "aa", KeyOrigin::Issued))
}

fn with_environment_key() -> Vec<WorkspaceEvent> {
    with(with_key(), issued(3, "bb", KeyOrigin::Environment))
}

fn keys(events: Vec<WorkspaceEvent>) -> Vec<KeyId> {
    state::<Workspace>(events).keys().iter().map(|key| key.key_id).collect()
}

#[test]
fn a_workspace_is_created_without_keys() {
    given::<Workspace>(vec![]).when(create()).then_expect_events(created());
    assert!(!Workspace::default().exists());
    assert!(state::<Workspace>(created()).exists());
    assert!(state::<Workspace>(created()).keys().is_empty());
}

#[test]
fn a_workspace_is_created_once() {
    given::<Workspace>(created()).when(create()).then_expect_error(WorkspaceError::AlreadyCreated);
}

#[test]
fn nothing_is_asked_of_a_workspace_before_it_is_created() {
    for command in [
        WorkspaceCommand::ChangePlan { plan: Plan::Enterprise },
        issue(2, "aa", KeyOrigin::Issued),
        WorkspaceCommand::RevokeKey { key_id: key(2) },
    ] {
        given::<Workspace>(vec![]).when(command).then_expect_error(WorkspaceError::NotCreated);
    }
}

#[test]
fn a_plan_is_changed_to_another_one() {
    given::<Workspace>(created())
        .when(WorkspaceCommand::ChangePlan { plan: Plan::Enterprise })
        .then_expect_events(vec![WorkspaceEvent::WorkspacePlanChanged { plan: Plan::Enterprise }]);
    given::<Workspace>(with(created(), WorkspaceEvent::WorkspacePlanChanged { plan: Plan::Enterprise }))
        .when(WorkspaceCommand::ChangePlan { plan: Plan::Starter })
        .then_expect_events(vec![WorkspaceEvent::WorkspacePlanChanged { plan: Plan::Starter }]);
}

#[test]
fn changing_to_the_same_plan_changes_nothing() {
    given::<Workspace>(created())
        .when(WorkspaceCommand::ChangePlan { plan: Plan::Starter })
        .then_expect_events(vec![]);
}

#[test]
fn an_issued_key_works() {
    given::<Workspace>(created()).when(issue(2, "aa", KeyOrigin::Issued)).then_expect_events(vec![issued(
        2,
        "aa",
        KeyOrigin::Issued,
    )]);

    let workspace: Workspace = state(with_key());
    let [admin] = workspace.keys() else { panic!("one key") };
    assert_eq!(admin.key_id, key(2));
    assert_eq!(admin.name, value("Admin"));
    assert_eq!(admin.scopes, [Scope::All]);
    assert_eq!(admin.secret_sha256, "aa");
    assert_eq!(admin.expires_at, Some(at(60)));
    assert_eq!(admin.origin, KeyOrigin::Issued);
}

#[test]
fn a_key_that_may_do_nothing_is_refused() {
    given::<Workspace>(created())
        .when(WorkspaceCommand::IssueKey {
            key_id: key(2),
            name: value("Admin"),
            scopes: vec![],
            secret_sha256: "aa".into(),
            expires_at: None,
            origin: KeyOrigin::Issued,
        })
        .then_expect_error(WorkspaceError::NoScopes);
}

#[test]
fn a_secret_or_an_id_is_issued_once() {
    for (number, secret) in [(9, "aa"), (2, "cc"), (2, "aa")] {
        given::<Workspace>(with_key())
            .when(issue(number, secret, KeyOrigin::Issued))
            .then_expect_error(WorkspaceError::KeyAlreadyIssued);
    }
}

#[test]
fn a_secret_is_not_both_issued_and_from_the_environment() {
    for (secret, origin) in [("aa", KeyOrigin::Environment), ("bb", KeyOrigin::Issued)] {
        given::<Workspace>(with_environment_key())
            .when(issue(9, secret, origin))
            .then_expect_error(WorkspaceError::KeyAlreadyIssued);
    }
}

#[test]
fn the_same_key_from_the_environment_changes_nothing() {
    given::<Workspace>(with_environment_key())
        .when(issue(4, "bb", KeyOrigin::Environment))
        .then_expect_events(vec![]);
}

#[test]
fn a_key_from_the_environment_replaces_the_one_before_it_and_no_other() {
    given::<Workspace>(with_environment_key())
        .when(issue(4, "cc", KeyOrigin::Environment))
        .then_expect_events(vec![
            WorkspaceEvent::KeyRevoked { key_id: key(3) },
            issued(4, "cc", KeyOrigin::Environment),
        ]);
    let replaced = with(with_environment_key(), WorkspaceEvent::KeyRevoked { key_id: key(3) });
    assert_eq!(keys(with(replaced, issued(4, "cc", KeyOrigin::Environment))), [key(2), key(4)]);
}

#[test]
fn a_revoked_key_stops_working() {
    given::<Workspace>(with_environment_key())
        .when(WorkspaceCommand::RevokeKey { key_id: key(2) })
        .then_expect_events(vec![WorkspaceEvent::KeyRevoked { key_id: key(2) }]);
    assert_eq!(keys(with(with_environment_key(), WorkspaceEvent::KeyRevoked { key_id: key(2) })), [key(3)]);
}

#[test]
fn a_key_that_is_not_there_cannot_be_revoked() {
    for history in [created(), with(with_key(), WorkspaceEvent::KeyRevoked { key_id: key(2) })] {
        given::<Workspace>(history)
            .when(WorkspaceCommand::RevokeKey { key_id: key(2) })
            .then_expect_error(WorkspaceError::UnknownKey(key(2)));
    }
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    let commands = [
        create(),
        WorkspaceCommand::ChangePlan { plan: Plan::Unlimited },
        issue(9, "cc", KeyOrigin::Issued),
        issue(9, "dd", KeyOrigin::Environment),
        WorkspaceCommand::RevokeKey { key_id: key(2) },
    ];
    let histories = [vec![], created(), with_key(), with_environment_key()];
    assert_repeating_changes_nothing::<Workspace>(&histories, &commands);
}
