use interflow_application::log::StreamId;
use interflow_domain::customer::{CustomerEvent as E, Destroyed, Profile, ProfileDraft};
use serde_json::{Map, json};

use super::{Row, fold};
use crate::read_models::testing::{CUSTOMER, Recorder, erased, of_customer, recorded_at};

fn folded(events: impl IntoIterator<Item = E>) -> Option<Row> {
    let mut recorder = Recorder::default();
    let mut row = None;
    for event in events {
        fold(&mut row, &recorder.record(StreamId::Customer(CUSTOMER), event));
    }
    row
}

fn ana() -> Profile {
    let attributes = json!({"plan": "gold"});
    ProfileDraft {
        name: Some("Ana".parse().unwrap()),
        email: Some("ana@example.com".parse().unwrap()),
        phone: Some("5511999999999".parse().unwrap()),
        external_id: Some("crm-7".parse().unwrap()),
        tags: ["vip".parse().unwrap(), "lead".parse().unwrap()].into(),
        attributes: attributes.as_object().unwrap().clone(),
    }
    .belonging_to(CUSTOMER)
}

fn created(profile: Profile) -> E {
    E::CustomerCreated { customer_id: CUSTOMER, profile, lid: None }
}

#[test]
fn a_created_customer_is_known_by_all_that_was_said() {
    let lid = Some(of_customer("123".parse().unwrap()));
    let Row { view, created_position } =
        folded([E::CustomerCreated { customer_id: CUSTOMER, profile: ana(), lid }]).unwrap();
    assert_eq!(view.id, CUSTOMER);
    assert_eq!(view.name.as_deref(), Some("Ana"));
    assert_eq!(view.email.as_deref(), Some("ana@example.com"));
    assert_eq!(view.phone.as_deref(), Some("5511999999999"));
    assert_eq!(view.lid.as_deref(), Some("123"));
    assert_eq!(view.external_id.as_deref(), Some("crm-7"));
    assert_eq!(view.tags, ["lead", "vip"]);
    assert_eq!(view.attributes["plan"], "gold");
    assert_eq!((view.created_at, view.updated_at), (recorded_at(1), recorded_at(1)));
    assert_eq!((view.version, created_position), (1, 1));
}

#[test]
fn an_update_replaces_all_but_the_lid() {
    let lid = Some(of_customer("123".parse().unwrap()));
    let events = [
        E::CustomerCreated { customer_id: CUSTOMER, profile: ana(), lid },
        E::CustomerUpdated { profile: Profile::default() },
    ];
    let Row { view, created_position } = folded(events).unwrap();
    assert_eq!((view.name, view.email, view.phone, view.external_id), (None, None, None, None));
    assert_eq!((view.tags, view.attributes), (vec![], Map::new()));
    assert_eq!(view.lid.as_deref(), Some("123"));
    assert_eq!((view.created_at, view.updated_at), (recorded_at(1), recorded_at(2)));
    assert_eq!((view.version, created_position), (2, 1));
}

#[test]
fn what_whatsapp_says_is_added() {
    let events = [
        created(Profile::default()),
        E::PhoneLinked { phone: of_customer("5511999999999".parse().unwrap()) },
        E::LidLinked { lid: of_customer("123".parse().unwrap()) },
        E::CustomerNamed { name: of_customer("Ana".parse().unwrap()) },
    ];
    let view = folded(events).unwrap().view;
    assert_eq!(view.phone.as_deref(), Some("5511999999999"));
    assert_eq!(view.lid.as_deref(), Some("123"));
    assert_eq!(view.name.as_deref(), Some("Ana"));
    assert_eq!((view.version, view.updated_at), (4, recorded_at(4)));
}

#[test]
fn a_deleted_customer_leaves_and_an_erased_one_too() {
    assert_eq!(folded([created(ana()), E::CustomerDeleted {}]), None);
    let erased = || E::CustomerErased { reason: None, destroyed: Destroyed::default() };
    assert_eq!(folded([created(ana()), erased()]), None);
    assert_eq!(folded([created(ana()), E::CustomerDeleted {}, erased()]), None);
}

#[test]
fn what_was_erased_is_absent() {
    let profile = Profile {
        name: Some(erased()),
        email: Some(erased()),
        phone: Some(erased()),
        external_id: Some(erased()),
        attributes: Some(erased()),
        tags: [].into(),
        labels: Some(erased()),
    };
    let events = [
        E::CustomerCreated { customer_id: CUSTOMER, profile, lid: Some(erased()) },
        E::PhoneLinked { phone: erased() },
        E::LidLinked { lid: erased() },
        E::CustomerNamed { name: erased() },
    ];
    let view = folded(events).unwrap().view;
    assert_eq!(
        (view.name, view.email, view.phone, view.lid, view.external_id),
        (None, None, None, None, None)
    );
    assert_eq!(view.attributes, Map::new());
    assert_eq!(view.tags, Vec::<String>::new());
}

#[test]
fn an_event_of_a_customer_that_is_not_there_changes_nothing() {
    assert_eq!(folded([E::CustomerUpdated { profile: ana() }, E::CustomerDeleted {}]), None);
}
