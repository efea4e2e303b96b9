use interflow_application::log::StreamId;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope, WorkspaceEvent as E};

use super::{Row, fold};
use crate::read_models::testing::{KEY, Recorder, WORKSPACE, at, recorded_at};

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, &recorder.record(StreamId::Workspace(WORKSPACE), event));
    }
    row
}

fn created() -> E {
    E::WorkspaceCreated { workspace_id: WORKSPACE, slug: "main".parse().unwrap(), plan: Plan::Unlimited }
}

fn issued() -> E {
    E::KeyIssued {
        key_id: KEY,
        name: "admin".parse().unwrap(),
        scopes: vec![Scope::ChatsRead, Scope::CustomersRead, Scope::ChatsRead],
        secret_sha256: "ab".to_owned(),
        expires_at: Some(at(7)),
        origin: KeyOrigin::Environment,
        prefix: Some("ifl_live_abcd…wxyz".to_owned()),
    }
}

fn rotated(secret: &str, until: i64) -> E {
    E::KeyRotated {
        key_id: KEY,
        secret_sha256: secret.to_owned(),
        prefix: Some(format!("ifl_live_{secret}")),
        previous_until: at(until),
    }
}

#[test]
fn an_issued_key_is_known_by_all_but_its_secret() {
    let row = folded([created(), issued()]).unwrap();
    assert_eq!(row.view.id, KEY);
    assert_eq!(row.view.scopes, [Scope::CustomersRead, Scope::ChatsRead].into());
    assert_eq!((row.view.expires_at, row.view.last_used_at), (Some(at(7)), None));
    assert_eq!((row.view.name.as_str(), row.secret_sha256.as_str()), ("admin", "ab"));
    assert_eq!(row.view.prefix.as_deref(), Some("ifl_live_abcd…wxyz"));
    assert_eq!(row.view.origin, KeyOrigin::Environment);
    assert_eq!((row.view.created_at, row.view.version, row.created_position), (recorded_at(2), 1, 2));
    assert_eq!(
        (row.view.rotated_at, row.view.previous_until, row.previous_secret_sha256),
        (None, None, None)
    );
}

#[test]
fn a_rotated_key_has_its_last_two_secrets() {
    let row = folded([issued(), rotated("cd", 8), rotated("ef", 9)]).unwrap();
    assert_eq!((row.secret_sha256.as_str(), row.previous_secret_sha256.as_deref()), ("ef", Some("cd")));
    assert_eq!(row.view.prefix.as_deref(), Some("ifl_live_ef"));
    assert_eq!((row.view.rotated_at, row.view.previous_until), (Some(recorded_at(3)), Some(at(9))));
    assert_eq!((row.view.created_at, row.view.version, row.created_position), (recorded_at(1), 3, 1));
}

#[test]
fn a_revoked_key_leaves() {
    assert_eq!(folded([issued(), E::KeyRevoked { key_id: KEY }]), None);
    assert_eq!(folded([rotated("cd", 8)]), None);
}

#[test]
fn what_happens_to_the_workspace_is_no_business_of_a_key() {
    let plan = E::WorkspacePlanChanged { plan: Plan::Starter };
    let others = [plan, E::WorkspaceRenamed { name: None }, E::WorkspaceSuspended { reason: None }];
    let others = others.into_iter().chain([E::WorkspaceResumed {}]);
    assert_eq!(folded([issued()].into_iter().chain(others)), folded([issued()]));
    assert_eq!(folded([created()]), None);
}
