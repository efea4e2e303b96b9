use super::*;
use crate::instance::{ConnectionStatus, InstanceError, Phase};
use crate::testing::{given, state};

#[test]
fn a_registered_instance_is_not_connected_to_anything() {
    given::<Instance>(vec![]).when(register()).then_expect_events(registered());

    let instance: Instance = state(registered());
    assert_eq!(instance.phase(), &Phase::Idle);
    assert_eq!(instance.status(), Some(ConnectionStatus::Close));
    assert_eq!(instance.id(), Some(ID));
    assert_eq!(instance.name(), Some(&value("user_id_001")));
    assert!(instance.exists());
    assert!(!instance.is_linked());
}

#[test]
fn what_was_never_registered_has_no_status() {
    let instance = Instance::default();
    assert_eq!(instance.phase(), &Phase::Unregistered);
    assert_eq!(instance.status(), None);
    assert_eq!(instance.id(), None);
    assert_eq!(instance.name(), None);
    assert!(!instance.exists());
}

#[test]
fn nothing_is_asked_of_an_instance_before_it_is_registered() {
    for command in every_command().into_iter().filter(|command| *command != register()) {
        given::<Instance>(vec![]).when(command).then_expect_error(InstanceError::NotRegistered);
    }
}

#[test]
fn an_instance_is_registered_once() {
    for history in every_living_history() {
        given::<Instance>(history).when(register()).then_expect_error(InstanceError::AlreadyRegistered);
    }
}

#[test]
fn an_instance_is_renamed_in_every_phase_and_stays_in_it() {
    for history in every_living_history() {
        given::<Instance>(history.clone()).when(rename("Shop")).then_expect_events(vec![renamed("Shop")]);
        let before: Instance = state(history.clone());
        let after: Instance = state(with(history, renamed("Shop")));
        assert_eq!(after.name(), Some(&value("Shop")));
        assert_eq!((after.id(), after.phase()), (before.id(), before.phase()));
    }
}

#[test]
fn renaming_to_the_name_it_has_changes_nothing() {
    for history in every_living_history() {
        given::<Instance>(history.clone()).when(rename("user_id_001")).then_expect_events(vec![]);
        given::<Instance>(with(history, renamed("Shop"))).when(rename("Shop")).then_expect_events(vec![]);
    }
}

#[test]
fn an_instance_can_be_deleted_in_every_phase() {
    for history in every_living_history() {
        given::<Instance>(history)
            .when(InstanceCommand::DeleteInstance)
            .then_expect_events(vec![InstanceEvent::InstanceDeleted {}]);
    }
}

#[test]
fn a_deleted_instance_is_neither_there_nor_linked() {
    let instance: Instance = state(deleted());
    assert_eq!(instance.phase(), &Phase::Deleted);
    assert_eq!(instance.status(), None);
    assert!(!instance.exists());
    assert!(!instance.is_linked());
    assert_eq!(instance.id(), Some(ID));
}

#[test]
fn nothing_is_asked_of_a_deleted_instance_not_even_to_register_again() {
    for command in every_command() {
        given::<Instance>(deleted()).when(command).then_expect_error(InstanceError::Deleted);
    }
}
