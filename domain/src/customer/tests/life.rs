use super::*;
use crate::customer::{CustomerError, Destroyed};
use crate::testing::{given, state};

#[test]
fn a_customer_is_created_with_a_number_an_address_or_a_lid() {
    for (profile, lid) in [
        (with_phone(), None),
        (with_email(), None),
        (ProfileDraft::default(), Some(lid())),
        (complete(), Some(lid())),
    ] {
        given::<Customer>(vec![])
            .when(create(profile.clone(), lid.clone()))
            .then_expect_events(created(profile, lid));
    }
}

#[test]
fn a_customer_that_nothing_could_be_known_by_is_refused() {
    let anonymous = ProfileDraft { phone: None, email: None, ..complete() };
    for profile in [ProfileDraft::default(), anonymous] {
        given::<Customer>(vec![]).when(create(profile, None)).then_expect_error(CustomerError::NoIdentity);
    }
}

#[test]
fn all_that_is_personal_of_a_customer_is_its_own() {
    let customer: Customer = state(created(complete(), Some(lid())));
    let Profile { name, email, phone, external_id, tags, labels, attributes } = customer.profile();
    assert_eq!(name, &Some(personal(value("Ana"))));
    assert_eq!(email, &Some(personal(value("ana@example.com"))));
    assert_eq!(phone, &Some(personal(value("5511999999999"))));
    assert_eq!(external_id, &Some(personal(value("crm-7"))));
    assert_eq!(attributes, &Some(personal(complete().attributes)));
    assert_eq!(labels, &Some(personal(complete().tags)));
    assert!(tags.is_empty());
    assert!(customer.profile().tags().eq(&complete().tags));
}

#[test]
fn a_created_customer_says_what_it_is_known_by() {
    let customer: Customer = state(created(complete(), Some(lid())));
    assert!(customer.exists());
    assert!(!customer.is_deleted());
    assert_eq!(customer.id(), Some(ID));
    assert_eq!(customer.phone(), Some(&value("5511999999999")));
    assert_eq!(customer.email(), Some(&value("ana@example.com")));
    assert_eq!(customer.lid(), Some(&lid()));
}

#[test]
fn what_was_erased_of_a_customer_is_not_said() {
    let profile =
        Profile { phone: Some(erased()), email: Some(erased()), name: Some(erased()), ..Profile::default() };
    let customer: Customer =
        state(vec![CustomerEvent::CustomerCreated { customer_id: ID, profile, lid: Some(erased()) }]);
    assert!(customer.exists());
    assert_eq!(customer.phone(), None);
    assert_eq!(customer.email(), None);
    assert_eq!(customer.lid(), None);
    assert!(customer.has_lid());
}

#[test]
fn what_was_never_created_is_nothing() {
    let customer = Customer::default();
    assert!(!customer.exists());
    assert!(!customer.is_deleted());
    assert_eq!(customer.id(), None);
    assert_eq!(customer.profile(), &Profile::default());
}

#[test]
fn nothing_is_asked_of_a_customer_before_it_is_created() {
    for command in [update(complete()), learn_everything(), CustomerCommand::DeleteCustomer] {
        given::<Customer>(vec![]).when(command).then_expect_error(CustomerError::NotCreated);
    }
}

#[test]
fn a_customer_is_created_once() {
    for history in [introduced(), created(complete(), None)] {
        given::<Customer>(history)
            .when(create(complete(), None))
            .then_expect_error(CustomerError::AlreadyCreated);
    }
}

#[test]
fn a_deleted_customer_is_gone_with_all_that_was_known_of_it() {
    given::<Customer>(created(complete(), Some(lid())))
        .when(CustomerCommand::DeleteCustomer)
        .then_expect_events(vec![CustomerEvent::CustomerDeleted {}]);

    let customer: Customer = state(deleted());
    assert!(customer.is_deleted());
    assert!(!customer.exists());
    assert_eq!(customer.id(), Some(ID));
    assert_eq!(customer.profile(), &Profile::default());
    assert_eq!(customer.lid(), None);
}

#[test]
fn nothing_is_asked_of_a_deleted_customer() {
    for command in every_command() {
        given::<Customer>(deleted()).when(command).then_expect_error(CustomerError::Deleted);
    }
}

fn erase() -> CustomerCommand {
    let destroyed = Destroyed { messages: 3, ..Destroyed::default() };
    CustomerCommand::EraseCustomer { reason: Some(value("gdpr_art_17")), destroyed }
}

fn was_erased() -> CustomerEvent {
    let destroyed = Destroyed { messages: 3, ..Destroyed::default() };
    CustomerEvent::CustomerErased { reason: Some(value("gdpr_art_17")), destroyed }
}

#[test]
fn a_customer_is_erased_whether_it_was_deleted_or_not() {
    let known = created(complete(), Some(lid()));
    let deleted = [known.clone(), vec![CustomerEvent::CustomerDeleted {}]].concat();
    for history in [known, deleted] {
        given::<Customer>(history).when(erase()).then_expect_events(vec![was_erased()]);
    }
    given::<Customer>(vec![]).when(erase()).then_expect_error(CustomerError::NotCreated);
}

#[test]
fn an_erased_customer_is_known_no_more_and_for_ever() {
    let history = [created(complete(), Some(lid())), vec![was_erased()]].concat();
    let customer: Customer = state(history.clone());
    assert!(customer.is_erased() && !customer.exists());
    assert_eq!((customer.profile(), customer.lid()), (&Profile::default(), None));
    assert_eq!(customer.id(), Some(ID));
    given::<Customer>(history.clone()).when(erase()).then_expect_events(vec![]);
    for command in
        [update(complete()), learn_everything(), CustomerCommand::DeleteCustomer, create(complete(), None)]
    {
        given::<Customer>(history.clone()).when(command).then_expect_error(CustomerError::Erased);
    }
}

#[test]
fn labels_of_the_first_events_are_labels_still() {
    let profile = Profile { tags: [value("vip")].into(), ..Profile::default() };
    assert!(profile.tags().map(ToString::to_string).eq(["vip"]));
}
