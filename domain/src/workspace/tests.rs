//! Given what happened to a workspace, when something is asked of it, then this happens.

use chrono::TimeDelta;

use super::{
    HOME_SLUG, KeyOrigin, MessageRetention, Plan, Scope, Workspace, WorkspaceCommand, WorkspaceError,
    WorkspaceEvent,
};
use crate::testing::{assert_repeating_changes_nothing, at, given, state, uuid, value};
use crate::{KeyId, WorkspaceId};

const ID: WorkspaceId = WorkspaceId::new(uuid(1));
/// Of every command. It is [`at`] second 0.
const NOW: chrono::DateTime<chrono::Utc> = chrono::DateTime::from_timestamp(1_767_225_600, 0).unwrap();

const fn key(number: u128) -> KeyId {
    KeyId::new(uuid(number))
}

fn create() -> WorkspaceCommand {
    WorkspaceCommand::CreateWorkspace { workspace_id: ID, slug: value(HOME_SLUG), plan: Plan::Starter }
}

fn created() -> Vec<WorkspaceEvent> {
    vec![WorkspaceEvent::WorkspaceCreated { workspace_id: ID, slug: value(HOME_SLUG), plan: Plan::Starter }]
}

fn issue(number: u128, secret: &str, origin: KeyOrigin) -> WorkspaceCommand {
    WorkspaceCommand::IssueKey {
        key_id: key(number),
        name: value("Admin"),
        scopes: vec![Scope::All],
        secret_sha256: secret.into(),
        prefix: None,
        expires_at: Some(at(60)),
        origin,
        issued_by: None,
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
        prefix: None,
    }
}

const fn revoke(number: u128) -> WorkspaceCommand {
    WorkspaceCommand::RevokeKey { key_id: key(number), at: NOW }
}

fn rotate(number: u128, secret: &str, by: Option<u128>) -> WorkspaceCommand {
    WorkspaceCommand::RotateKey {
        key_id: key(number),
        secret_sha256: secret.into(),
        prefix: Some("ifl_live_abcd…wxyz".into()),
        at: NOW,
        overlap: TimeDelta::seconds(10),
        rotated_by: by.map(key),
    }
}

fn rotated(number: u128, secret: &str) -> WorkspaceEvent {
    WorkspaceEvent::KeyRotated {
        key_id: key(number),
        secret_sha256: secret.into(),
        prefix: Some("ifl_live_abcd…wxyz".into()),
        previous_until: at(10),
    }
}

/// What a key asks for, of another with these scopes.
fn issue_as(asker: u128, number: u128, scopes: &[Scope]) -> WorkspaceCommand {
    let WorkspaceCommand::IssueKey { key_id, name, secret_sha256, prefix, expires_at, origin, .. } =
        issue(number, "zz", KeyOrigin::Issued)
    else {
        unreachable!()
    };
    let (scopes, issued_by) = (scopes.to_vec(), Some(key(asker)));
    WorkspaceCommand::IssueKey { key_id, name, scopes, secret_sha256, prefix, expires_at, origin, issued_by }
}

/// A key that may do no more than these.
fn with_limited_key(number: u128, scopes: &[Scope]) -> WorkspaceEvent {
    let WorkspaceEvent::KeyIssued { key_id, name, expires_at, origin, prefix, .. } =
        issued(number, "", KeyOrigin::Issued)
    else {
        unreachable!()
    };
    let (scopes, secret_sha256) = (scopes.to_vec(), format!("limited {number}"));
    WorkspaceEvent::KeyIssued { key_id, name, scopes, secret_sha256, expires_at, origin, prefix }
}

/// A workspace that is not the first of its server.
fn other_workspace() -> Vec<WorkspaceEvent> {
    vec![WorkspaceEvent::WorkspaceCreated { workspace_id: ID, slug: value("shop"), plan: Plan::Starter }]
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
        WorkspaceCommand::RenameWorkspace { name: None },
        WorkspaceCommand::SuspendWorkspace { reason: None },
        WorkspaceCommand::ResumeWorkspace,
        WorkspaceCommand::ChangeRetention { message_days: None },
        issue(2, "aa", KeyOrigin::Issued),
        rotate(2, "bb", None),
        revoke(2),
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
            prefix: None,
            expires_at: None,
            origin: KeyOrigin::Issued,
            issued_by: None,
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
        .when(revoke(2))
        .then_expect_events(vec![WorkspaceEvent::KeyRevoked { key_id: key(2) }]);
    assert_eq!(keys(with(with_environment_key(), WorkspaceEvent::KeyRevoked { key_id: key(2) })), [key(3)]);
}

#[test]
fn a_key_that_is_not_there_cannot_be_revoked() {
    for history in [created(), with(with_key(), WorkspaceEvent::KeyRevoked { key_id: key(2) })] {
        given::<Workspace>(history).when(revoke(2)).then_expect_error(WorkspaceError::UnknownKey(key(2)));
    }
}

#[test]
fn a_workspace_is_renamed_and_loses_its_name() {
    let named = WorkspaceEvent::WorkspaceRenamed { name: Some(value("Main")) };
    let name = |name| WorkspaceCommand::RenameWorkspace { name };
    given::<Workspace>(created()).when(name(Some(value("Main")))).then_expect_events(vec![named.clone()]);
    given::<Workspace>(with(created(), named.clone()))
        .when(name(Some(value("Main"))))
        .then_expect_events(vec![]);
    given::<Workspace>(with(created(), named))
        .when(name(None))
        .then_expect_events(vec![WorkspaceEvent::WorkspaceRenamed { name: None }]);
    given::<Workspace>(created()).when(name(None)).then_expect_events(vec![]);
}

#[test]
fn a_workspace_is_suspended_and_resumed_once_each() {
    let suspend = || WorkspaceCommand::SuspendWorkspace { reason: Some(value("Unpaid")) };
    let suspended = WorkspaceEvent::WorkspaceSuspended { reason: Some(value("Unpaid")) };
    given::<Workspace>(other_workspace()).when(suspend()).then_expect_events(vec![suspended.clone()]);
    let history = with(other_workspace(), suspended);
    given::<Workspace>(history.clone()).when(suspend()).then_expect_events(vec![]);
    given::<Workspace>(history.clone())
        .when(WorkspaceCommand::ResumeWorkspace)
        .then_expect_events(vec![WorkspaceEvent::WorkspaceResumed {}]);
    let resumed = with(history, WorkspaceEvent::WorkspaceResumed {});
    given::<Workspace>(resumed).when(WorkspaceCommand::ResumeWorkspace).then_expect_events(vec![]);
}

#[test]
fn how_long_messages_are_kept_is_changed_once_each() {
    let days = |days| MessageRetention::try_new(days).ok();
    let change = |message_days| WorkspaceCommand::ChangeRetention { message_days };
    let changed = |message_days| WorkspaceEvent::RetentionChanged { message_days };
    given::<Workspace>(created()).when(change(None)).then_expect_events(vec![]);
    given::<Workspace>(created()).when(change(days(90))).then_expect_events(vec![changed(days(90))]);
    let history = with(created(), changed(days(90)));
    assert_eq!(state::<Workspace>(history.clone()).message_retention(), days(90));
    given::<Workspace>(history.clone()).when(change(days(90))).then_expect_events(vec![]);
    given::<Workspace>(history).when(change(None)).then_expect_events(vec![changed(None)]);
}

#[test]
fn what_was_forgotten_of_old_messages_is_recorded_unless_it_was_nothing() {
    let before = at(0).date_naive();
    let record = |data_keys| WorkspaceCommand::RecordMessagesExpired {
        before,
        data_keys,
        messages: 5,
        webhook_attempts: 1,
    };
    given::<Workspace>(created()).when(record(0)).then_expect_events(vec![]);
    given::<Workspace>(created()).when(record(2)).then_expect_events(vec![WorkspaceEvent::MessagesExpired {
        before,
        data_keys: 2,
        messages: 5,
        webhook_attempts: 1,
    }]);
}

#[test]
fn the_first_workspace_is_never_suspended() {
    given::<Workspace>(created())
        .when(WorkspaceCommand::SuspendWorkspace { reason: None })
        .then_expect_error(WorkspaceError::HomeWorkspace);
}

#[test]
fn a_rotated_key_knows_its_last_two_secrets() {
    given::<Workspace>(with_key()).when(rotate(2, "bb", None)).then_expect_events(vec![rotated(2, "bb")]);
    let twice = with(with(with_key(), rotated(2, "bb")), rotated(2, "cc"));
    let workspace: Workspace = state(twice.clone());
    let known = workspace.key(key(2)).unwrap();
    assert_eq!((known.secret_sha256.as_str(), known.version), ("cc", 3));
    let previous = known.previous.as_ref().unwrap();
    assert_eq!((previous.secret_sha256.as_str(), previous.until), ("bb", at(10)));
    for secret in ["bb", "cc"] {
        given::<Workspace>(twice.clone())
            .when(rotate(2, secret, None))
            .then_expect_error(WorkspaceError::KeyAlreadyIssued);
        given::<Workspace>(twice.clone())
            .when(issue(9, secret, KeyOrigin::Issued))
            .then_expect_error(WorkspaceError::KeyAlreadyIssued);
    }
}

#[test]
fn a_key_from_the_environment_an_expired_and_an_unknown_one_are_not_rotated() {
    given::<Workspace>(with_environment_key())
        .when(rotate(3, "cc", None))
        .then_expect_error(WorkspaceError::EnvironmentKey);
    given::<Workspace>(with_key())
        .when(rotate(7, "cc", None))
        .then_expect_error(WorkspaceError::UnknownKey(key(7)));
    let WorkspaceCommand::RotateKey { key_id, secret_sha256, prefix, overlap, rotated_by, .. } =
        rotate(2, "cc", None)
    else {
        unreachable!()
    };
    let late = WorkspaceCommand::RotateKey { key_id, secret_sha256, prefix, at: at(60), overlap, rotated_by };
    given::<Workspace>(with_key()).when(late).then_expect_error(WorkspaceError::Expired);
}

#[test]
fn nobody_gets_more_from_a_key_than_the_key_that_asks_may_do() {
    let reader = [Scope::ChatsRead, Scope::KeysWrite];
    let history = with(with_key(), with_limited_key(5, &reader));
    given::<Workspace>(history.clone())
        .when(issue_as(5, 9, &[Scope::ChatsRead, Scope::ChatsWrite, Scope::All]))
        .then_expect_error(WorkspaceError::BeyondAsker(vec![Scope::ChatsWrite, Scope::All]));
    given::<Workspace>(history.clone())
        .when(rotate(2, "cc", Some(5)))
        .then_expect_error(WorkspaceError::BeyondAsker(vec![Scope::All]));
    given::<Workspace>(history.clone())
        .when(rotate(5, "cc", Some(5)))
        .then_expect_events(vec![rotated(5, "cc")]);
    for (asker, scopes) in [(5, &reader[..]), (2, &[Scope::ChatsWrite, Scope::All][..])] {
        let decided = crate::Decide::decide(&state::<Workspace>(history.clone()), issue_as(asker, 9, scopes));
        assert!(decided.is_ok(), "{asker}: {decided:?}");
    }
    given::<Workspace>(history)
        .when(issue_as(8, 9, &[Scope::ChatsRead]))
        .then_expect_error(WorkspaceError::BeyondAsker(vec![Scope::ChatsRead]));
}

#[test]
fn keys_of_the_first_workspace_alone_may_govern_others() {
    for scope in [Scope::WorkspacesRead, Scope::WorkspacesWrite] {
        let governing = |asker| issue_as(asker, 9, &[Scope::ChatsRead, scope]);
        let history = with(other_workspace(), issued(2, "aa", KeyOrigin::Issued));
        given::<Workspace>(history).when(governing(2)).then_expect_error(WorkspaceError::GovernsElsewhere);
        let decided = crate::Decide::decide(&state::<Workspace>(with_key()), governing(2));
        assert!(decided.is_ok(), "{decided:?}");
    }
}

#[test]
fn the_last_key_that_may_manage_keys_is_not_revoked() {
    let reader = with(with_key(), with_limited_key(5, &[Scope::ChatsRead]));
    given::<Workspace>(reader.clone()).when(revoke(2)).then_expect_error(WorkspaceError::LastManager);
    given::<Workspace>(reader.clone())
        .when(revoke(5))
        .then_expect_events(vec![WorkspaceEvent::KeyRevoked { key_id: key(5) }]);
    let manager = with(reader.clone(), with_limited_key(6, &[Scope::KeysWrite]));
    given::<Workspace>(manager)
        .when(revoke(2))
        .then_expect_events(vec![WorkspaceEvent::KeyRevoked { key_id: key(2) }]);
    // One that has expired manages nothing, and may go.
    given::<Workspace>(reader)
        .when(WorkspaceCommand::RevokeKey { key_id: key(2), at: at(60) })
        .then_expect_events(vec![WorkspaceEvent::KeyRevoked { key_id: key(2) }]);
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    let commands = [
        create(),
        WorkspaceCommand::ChangePlan { plan: Plan::Unlimited },
        issue(9, "cc", KeyOrigin::Issued),
        issue(9, "dd", KeyOrigin::Environment),
        rotate(2, "ee", None),
        revoke(2),
        WorkspaceCommand::RenameWorkspace { name: Some(value("Main")) },
        WorkspaceCommand::SuspendWorkspace { reason: Some(value("Unpaid")) },
        WorkspaceCommand::ResumeWorkspace,
        WorkspaceCommand::ChangeRetention { message_days: MessageRetention::try_new(30).ok() },
    ];
    let suspended = with(other_workspace(), WorkspaceEvent::WorkspaceSuspended { reason: None });
    let histories = [vec![], created(), with_key(), with_environment_key(), other_workspace(), suspended];
    assert_repeating_changes_nothing::<Workspace>(&histories, &commands);
}
