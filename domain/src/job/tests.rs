//! Given what happened to a job, when something is asked of it, then this happens.

use super::{Job, JobCommand, JobError, JobEvent, JobKind, JobStatus};
use crate::testing::{assert_repeating_changes_nothing, at, given, state, uuid};
use crate::{InstanceId, JobId};

const ID: JobId = JobId::new(uuid(1));
const INSTANCE: InstanceId = InstanceId::new(uuid(2));
const FILL: JobCommand = JobCommand::FillJob { accepted: 2, rejected: 1 };

fn create() -> JobCommand {
    JobCommand::CreateJob {
        job_id: ID,
        kind: JobKind::BulkSend,
        instance_id: Some(INSTANCE),
        total: 3,
        expires_at: at(60),
    }
}

fn created() -> Vec<JobEvent> {
    vec![JobEvent::JobCreated {
        job_id: ID,
        kind: JobKind::BulkSend,
        instance_id: Some(INSTANCE),
        total: 3,
        expires_at: at(60),
    }]
}

fn with(mut events: Vec<JobEvent>, event: JobEvent) -> Vec<JobEvent> {
    events.push(event);
    events
}

fn filled() -> Vec<JobEvent> {
    with(created(), JobEvent::JobFilled { accepted: 2, rejected: 1 })
}

fn abandoned() -> Vec<JobEvent> {
    with(created(), JobEvent::JobAbandoned {})
}

fn cancelled() -> Vec<JobEvent> {
    with(filled(), JobEvent::JobCancelled {})
}

fn completed() -> Vec<JobEvent> {
    with(filled(), JobEvent::JobCompleted {})
}

fn every_command() -> Vec<JobCommand> {
    vec![create(), FILL, JobCommand::AbandonJob, JobCommand::CancelJob, JobCommand::CompleteJob]
}

#[test]
fn a_job_is_created_once_and_takes_items() {
    given::<Job>(vec![]).when(create()).then_expect_events(created());
    given::<Job>(created()).when(create()).then_expect_error(JobError::AlreadyCreated);
    let job: Job = state(created());
    assert!(job.exists() && job.takes_items());
    assert_eq!(
        (job.id(), job.kind(), job.instance_id()),
        (Some(ID), Some(JobKind::BulkSend), Some(INSTANCE))
    );
    assert_eq!((job.status(), job.expires_at()), (Some(JobStatus::Running), Some(at(60))));
}

#[test]
fn nothing_is_asked_of_a_job_that_does_not_exist() {
    for command in every_command().into_iter().skip(1) {
        given::<Job>(vec![]).when(command).then_expect_error(JobError::NotCreated);
    }
    assert_eq!((Job::default().status(), Job::default().takes_items()), (None, false));
}

#[test]
fn a_job_takes_items_until_it_is_filled_abandoned_or_cancelled() {
    let cancelled_early = with(created(), JobEvent::JobCancelled {});
    for history in [filled(), abandoned(), cancelled_early.clone()] {
        assert!(!state::<Job>(history).takes_items());
    }
    given::<Job>(created()).when(FILL).then_expect_events(vec![filled()[1].clone()]);
    given::<Job>(filled()).when(FILL).then_expect_events(vec![]);
    given::<Job>(abandoned()).when(FILL).then_expect_error(JobError::Closed);
    given::<Job>(cancelled_early).when(FILL).then_expect_error(JobError::Closed);
}

#[test]
fn only_a_job_that_takes_items_is_abandoned() {
    given::<Job>(created()).when(JobCommand::AbandonJob).then_expect_events(vec![JobEvent::JobAbandoned {}]);
    for history in [filled(), abandoned(), cancelled(), completed()] {
        given::<Job>(history).when(JobCommand::AbandonJob).then_expect_events(vec![]);
    }
    assert_eq!(state::<Job>(abandoned()).status(), Some(JobStatus::Incomplete));
}

#[test]
fn a_job_is_cancelled_until_it_is_completed() {
    for history in [created(), filled(), abandoned()] {
        given::<Job>(history).when(JobCommand::CancelJob).then_expect_events(vec![JobEvent::JobCancelled {}]);
    }
    given::<Job>(completed()).when(JobCommand::CancelJob).then_expect_error(JobError::Ended);
    let ended = with(cancelled(), JobEvent::JobCompleted {});
    given::<Job>(ended.clone()).when(JobCommand::CancelJob).then_expect_events(vec![]);
    assert_eq!(state::<Job>(ended).status(), Some(JobStatus::Cancelled));
}

#[test]
fn a_job_is_completed_once_and_not_while_it_takes_items() {
    let complete = JobCommand::CompleteJob;
    given::<Job>(created()).when(complete.clone()).then_expect_error(JobError::StillOpen);
    for history in [filled(), abandoned(), cancelled()] {
        given::<Job>(history).when(complete.clone()).then_expect_events(vec![JobEvent::JobCompleted {}]);
    }
    given::<Job>(completed()).when(complete).then_expect_events(vec![]);
    assert_eq!(state::<Job>(completed()).status(), Some(JobStatus::Completed));
    let incomplete = with(abandoned(), JobEvent::JobCompleted {});
    assert_eq!(state::<Job>(incomplete).status(), Some(JobStatus::Incomplete));
}

#[test]
fn asking_twice_changes_nothing_more() {
    let histories = [created(), filled(), abandoned(), cancelled(), completed()];
    assert_repeating_changes_nothing::<Job>(&histories, &every_command());
}

#[test]
fn an_event_before_the_first_leaves_no_job() {
    assert_eq!(state::<Job>(vec![JobEvent::JobCancelled {}]), Job::default());
}
