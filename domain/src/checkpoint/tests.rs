use super::{Checkpoint, CheckpointCommand, CheckpointEvent};
use crate::CheckpointId;
use crate::testing::{assert_repeating_changes_nothing, given, state, uuid};

const ID: CheckpointId = CheckpointId::new(uuid(1));

fn anchor() -> CheckpointCommand {
    CheckpointCommand::AnchorCheckpoint {
        checkpoint_id: ID,
        size: 42,
        root: "cm9vdA==".to_owned(),
        note: "interflow/x\n42\ncm9vdA==\n\n".to_owned(),
    }
}

fn anchored() -> CheckpointEvent {
    CheckpointEvent::CheckpointAnchored {
        checkpoint_id: ID,
        size: 42,
        root: "cm9vdA==".to_owned(),
        note: "interflow/x\n42\ncm9vdA==\n\n".to_owned(),
    }
}

#[test]
fn a_checkpoint_is_anchored_once() {
    given::<Checkpoint>(vec![]).when(anchor()).then_expect_events(vec![anchored()]);
    assert!(state::<Checkpoint>(vec![anchored()]).exists());
    assert!(!state::<Checkpoint>(vec![]).exists());
    assert_repeating_changes_nothing::<Checkpoint>(&[vec![], vec![anchored()]], &[anchor()]);
}
