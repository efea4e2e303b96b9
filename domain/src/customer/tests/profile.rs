use super::*;
use crate::Tag;
use crate::customer::CustomerError;
use crate::testing::{given, state};

fn tagged(tags: usize) -> ProfileDraft {
    ProfileDraft { tags: (0..tags).map(|n| value::<Tag>(&format!("tag {n}"))).collect(), ..with_phone() }
}

/// With free fields of exactly so many bytes as JSON.
fn with_attributes_of(bytes: usize) -> ProfileDraft {
    let filler = "x".repeat(bytes - r#"{"a":""}"#.len());
    ProfileDraft { attributes: [("a".to_owned(), filler.into())].into_iter().collect(), ..with_phone() }
}

fn updated(profile: ProfileDraft) -> CustomerEvent {
    CustomerEvent::CustomerUpdated { profile: profile.belonging_to(ID) }
}

#[test]
fn an_update_replaces_all_that_is_known() {
    given::<Customer>(created(complete(), None))
        .when(update(with_email()))
        .then_expect_events(vec![updated(with_email())]);

    let customer: Customer = state(with(created(complete(), None), updated(with_email())));
    assert_eq!(customer.profile(), &with_email().belonging_to(ID));
    assert_eq!(customer.phone(), None);
}

#[test]
fn an_update_leaves_the_lid_alone() {
    let customer: Customer = state(with(introduced(), updated(with_email())));
    assert_eq!(customer.lid(), Some(&lid()));
}

#[test]
fn an_update_to_the_same_changes_nothing() {
    for profile in [with_phone(), with_email(), complete()] {
        given::<Customer>(created(profile.clone(), None)).when(update(profile)).then_expect_events(vec![]);
    }
    given::<Customer>(introduced()).when(update(ProfileDraft::default())).then_expect_events(vec![]);
}

#[test]
fn an_update_that_leaves_nothing_to_know_the_customer_by_is_refused() {
    let anonymous = ProfileDraft { phone: None, email: None, ..complete() };
    given::<Customer>(created(complete(), None))
        .when(update(anonymous))
        .then_expect_error(CustomerError::NoIdentity);
}

#[test]
fn a_customer_with_a_lid_needs_neither_number_nor_address() {
    let named = ProfileDraft { name: Some(value("Ana")), ..ProfileDraft::default() };
    let erased_lid = vec![CustomerEvent::CustomerCreated {
        customer_id: ID,
        profile: Profile::default(),
        lid: Some(erased()),
    }];
    for history in [introduced(), erased_lid] {
        given::<Customer>(history)
            .when(update(named.clone()))
            .then_expect_events(vec![updated(named.clone())]);
    }
}

#[test]
fn tags_are_bounded() {
    let most = tagged(ProfileDraft::MAX_TAGS);
    let more = tagged(ProfileDraft::MAX_TAGS + 1);
    given::<Customer>(vec![])
        .when(create(most.clone(), None))
        .then_expect_events(created(most.clone(), None));
    given::<Customer>(vec![]).when(create(more.clone(), None)).then_expect_error(CustomerError::TooManyTags);
    given::<Customer>(introduced()).when(update(most.clone())).then_expect_events(vec![updated(most)]);
    given::<Customer>(introduced()).when(update(more)).then_expect_error(CustomerError::TooManyTags);
}

#[test]
fn the_free_fields_are_bounded_as_json() {
    let most = with_attributes_of(ProfileDraft::MAX_ATTRIBUTES_BYTES);
    let more = with_attributes_of(ProfileDraft::MAX_ATTRIBUTES_BYTES + 1);
    given::<Customer>(vec![])
        .when(create(most.clone(), None))
        .then_expect_events(created(most.clone(), None));
    given::<Customer>(vec![])
        .when(create(more.clone(), None))
        .then_expect_error(CustomerError::AttributesTooLarge);
    given::<Customer>(introduced()).when(update(most.clone())).then_expect_events(vec![updated(most)]);
    given::<Customer>(introduced()).when(update(more)).then_expect_error(CustomerError::AttributesTooLarge);
}

/// With free fields nested exactly so deep.
fn with_attributes_nested(depth: usize) -> ProfileDraft {
    let inner = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let attributes = serde_json::from_str(&format!(r#"{{"a":{inner}}}"#)).unwrap();
    ProfileDraft { attributes, ..with_phone() }
}

#[test]
fn the_free_fields_are_bounded_in_depth() {
    let most = with_attributes_nested(ProfileDraft::MAX_ATTRIBUTES_DEPTH);
    let more = with_attributes_nested(ProfileDraft::MAX_ATTRIBUTES_DEPTH + 1);
    given::<Customer>(introduced())
        .when(update(most.clone()))
        .then_expect_events(vec![updated(most.clone())]);
    given::<Customer>(introduced()).when(update(more)).then_expect_error(CustomerError::AttributesTooLarge);

    let stored = serde_json::to_string(&updated(most.clone())).unwrap();
    assert_eq!(serde_json::from_str::<CustomerEvent>(&stored).unwrap(), updated(most));
}

#[test]
fn the_refusals_state_the_bounds_that_hold() {
    assert!(CustomerError::TooManyTags.to_string().contains(&ProfileDraft::MAX_TAGS.to_string()));
    let kib = format!("{} KiB", ProfileDraft::MAX_ATTRIBUTES_BYTES / 1024);
    let depth = format!("{} deep", ProfileDraft::MAX_ATTRIBUTES_DEPTH);
    assert!(CustomerError::AttributesTooLarge.to_string().contains(&kib));
    assert!(CustomerError::AttributesTooLarge.to_string().contains(&depth));
}

#[test]
fn a_number_in_the_free_fields_is_read_back_as_it_was_stored() {
    let attributes = serde_json::from_str(r#"{"a":909.29069845785675909,"b":99.70897452278831099}"#).unwrap();
    let event = updated(ProfileDraft { attributes, ..with_phone() });
    let stored = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<CustomerEvent>(&stored).unwrap(), event);
}
