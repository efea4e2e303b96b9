use interflow_application::log::StreamId;
use interflow_domain::workspace::{KeyOrigin, Plan, Scope, WorkspaceEvent as E};

use super::{Row, fold};
use crate::read_models::testing::{KEY, Recorder, WORKSPACE, at, recorded_at};

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, WORKSPACE, &recorder.record(StreamId::Workspace(WORKSPACE), event));
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
    }
}

#[test]
fn an_issued_key_opens_its_workspace() {
    let row = folded([created(), issued()]).unwrap();
    assert_eq!((row.view.id, row.view.workspace), (KEY, WORKSPACE));
    assert_eq!(row.view.scopes, [Scope::CustomersRead, Scope::ChatsRead].into());
    assert_eq!(row.view.expires_at, Some(at(7)));
    assert_eq!((row.name.as_str(), row.secret_sha256.as_str()), ("admin", "ab"));
    assert_eq!(row.origin, KeyOrigin::Environment);
    assert_eq!((row.created_at, row.version, row.created_position), (recorded_at(2), 2, 2));
}

#[test]
fn a_revoked_key_leaves() {
    assert_eq!(folded([issued(), E::KeyRevoked { key_id: KEY }]), None);
}

#[test]
fn a_new_plan_is_no_business_of_a_key() {
    let plan = E::WorkspacePlanChanged { plan: Plan::Starter };
    assert_eq!(folded([issued(), plan]), folded([issued()]));
    assert_eq!(folded([created()]), None);
}
