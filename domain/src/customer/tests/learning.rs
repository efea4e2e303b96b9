use super::*;
use crate::testing::{given, state};
use crate::{DisplayName, PhoneNumber};

const fn learn(phone: Option<PhoneNumber>, lid: Option<Lid>, name: Option<DisplayName>) -> CustomerCommand {
    CustomerCommand::LearnIdentity { phone, lid, name }
}

fn phone_linked() -> CustomerEvent {
    CustomerEvent::PhoneLinked { phone: personal(value("4930123456")) }
}

fn lid_linked() -> CustomerEvent {
    CustomerEvent::LidLinked { lid: personal(value("999")) }
}

fn named() -> CustomerEvent {
    CustomerEvent::CustomerNamed { name: personal(value("Ana M.")) }
}

#[test]
fn whatsapp_adds_the_number_that_was_missing() {
    given::<Customer>(introduced())
        .when(learn(Some(value("4930123456")), None, None))
        .then_expect_events(vec![phone_linked()]);
    let customer: Customer = state(with(introduced(), phone_linked()));
    assert_eq!(customer.phone(), Some(&value("4930123456")));
}

#[test]
fn whatsapp_adds_the_lid_that_was_missing() {
    given::<Customer>(created(with_phone(), None))
        .when(learn(None, Some(value("999")), None))
        .then_expect_events(vec![lid_linked()]);
    let customer: Customer = state(with(created(with_phone(), None), lid_linked()));
    assert_eq!(customer.lid(), Some(&value("999")));
}

#[test]
fn whatsapp_names_whom_nobody_named() {
    given::<Customer>(introduced())
        .when(learn(None, None, Some(value("Ana M."))))
        .then_expect_events(vec![named()]);
    let customer: Customer = state(with(introduced(), named()));
    assert_eq!(customer.profile().name, Some(personal(value("Ana M."))));
}

#[test]
fn all_that_was_missing_is_added_at_once() {
    given::<Customer>(created(with_email(), None)).when(learn_everything()).then_expect_events(vec![
        phone_linked(),
        lid_linked(),
        named(),
    ]);
}

#[test]
fn whatsapp_never_replaces_what_is_known() {
    given::<Customer>(created(complete(), Some(lid()))).when(learn_everything()).then_expect_events(vec![]);
}

#[test]
fn what_is_known_already_is_not_added_again() {
    given::<Customer>(created(complete(), Some(lid())))
        .when(learn(Some(value("5511999999999")), Some(lid()), Some(value("Ana"))))
        .then_expect_events(vec![]);
}

#[test]
fn learning_nothing_changes_nothing() {
    given::<Customer>(introduced()).when(learn(None, None, None)).then_expect_events(vec![]);
}

#[test]
fn what_was_erased_is_not_learned_again() {
    let profile = Profile { phone: Some(erased()), name: Some(erased()), ..Profile::default() };
    given::<Customer>(vec![CustomerEvent::CustomerCreated { customer_id: ID, profile, lid: Some(erased()) }])
        .when(learn_everything())
        .then_expect_events(vec![]);
}
