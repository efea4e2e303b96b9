//! Given what happened to a customer, when something is asked of it, then this happens.

mod learning;
mod life;
mod profile;

use super::{Customer, CustomerCommand, CustomerEvent, Profile, ProfileDraft};
use crate::testing::{assert_repeating_changes_nothing, uuid, value};
use crate::{CustomerId, Lid, Personal, Subject};

const ID: CustomerId = CustomerId::new(uuid(1));
const SUBJECT: Subject = Subject::Customer(ID);

fn personal<T>(value: T) -> Personal<T> {
    Personal::new(SUBJECT, value)
}

const fn erased<T>() -> Personal<T> {
    Personal::Erased { subject: SUBJECT }
}

fn lid() -> Lid {
    value("123456789012345")
}

fn with_phone() -> ProfileDraft {
    ProfileDraft { phone: Some(value("5511999999999")), ..ProfileDraft::default() }
}

fn with_email() -> ProfileDraft {
    ProfileDraft { email: Some(value("ana@example.com")), ..ProfileDraft::default() }
}

fn complete() -> ProfileDraft {
    ProfileDraft {
        name: Some(value("Ana")),
        email: Some(value("ana@example.com")),
        phone: Some(value("5511999999999")),
        external_id: Some(value("crm-7")),
        tags: [value("vip")].into(),
        attributes: [("city".to_owned(), "Recife".into())].into_iter().collect(),
    }
}

fn create(profile: ProfileDraft, lid: Option<Lid>) -> CustomerCommand {
    CustomerCommand::CreateCustomer { customer_id: ID, profile, lid }
}

const fn update(profile: ProfileDraft) -> CustomerCommand {
    CustomerCommand::UpdateCustomer { profile }
}

fn created(profile: ProfileDraft, lid: Option<Lid>) -> Vec<CustomerEvent> {
    let profile = profile.belonging_to(ID);
    vec![CustomerEvent::CustomerCreated { customer_id: ID, profile, lid: lid.map(personal) }]
}

/// What WhatsApp introduced: a LID and no more.
fn introduced() -> Vec<CustomerEvent> {
    created(ProfileDraft::default(), Some(lid()))
}

fn deleted() -> Vec<CustomerEvent> {
    with(created(complete(), Some(lid())), CustomerEvent::CustomerDeleted {})
}

fn with(mut events: Vec<CustomerEvent>, event: CustomerEvent) -> Vec<CustomerEvent> {
    events.push(event);
    events
}

fn learn_everything() -> CustomerCommand {
    CustomerCommand::LearnIdentity {
        phone: Some(value("4930123456")),
        lid: Some(value("999")),
        name: Some(value("Ana M.")),
    }
}

fn every_command() -> Vec<CustomerCommand> {
    vec![
        create(complete(), Some(lid())),
        update(with_email()),
        update(complete()),
        learn_everything(),
        CustomerCommand::DeleteCustomer,
    ]
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    let histories =
        [vec![], introduced(), created(with_phone(), None), created(complete(), Some(lid())), deleted()];
    assert_repeating_changes_nothing::<Customer>(&histories, &every_command());
}
