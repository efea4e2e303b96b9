use interflow_application::log::StreamId;
use interflow_application::read::Progress;
use interflow_domain::JobId;
use interflow_domain::job::{JobEvent, JobKind, JobStatus};
use uuid::Uuid;

use super::fold::{Move, Place, Row, fold, moved};
use crate::read_models::testing::{INSTANCE, Recorder, at, recorded_at};

const JOB: JobId = JobId::new(Uuid::from_u128(9));

fn created() -> JobEvent {
    JobEvent::JobCreated {
        job_id: JOB,
        kind: JobKind::BulkSend,
        instance_id: Some(INSTANCE),
        total: 3,
        expires_at: at(5),
    }
}

fn folded(events: Vec<JobEvent>) -> Row {
    let (mut recorder, mut row) = (Recorder::default(), None);
    for event in events {
        fold(&mut row, &recorder.record(StreamId::Job(JOB), event));
    }
    row.unwrap()
}

fn went(from: Option<Place>, to: Place, position: u64) -> Move {
    Move { job: JOB, from, to, position }
}

#[test]
fn a_job_begins_with_nothing_in_it() {
    let Row { view, created_position } = folded(vec![created()]);
    assert_eq!((view.id, view.status, view.total), (JOB, JobStatus::Running, 3));
    assert_eq!((view.instance, view.expires_at), (Some(INSTANCE), at(5)));
    assert_eq!((view.accepted, view.rejected, view.takes_items), (0, 0, true));
    assert_eq!((view.progress, view.finished_at), (Progress::default(), None));
    assert_eq!((view.created_at, view.version, view.touched, created_position), (recorded_at(1), 1, 1, 1));
}

#[test]
fn each_end_of_a_job_has_its_status() {
    let filled = || JobEvent::JobFilled { accepted: 2, rejected: 1 };
    let end = |events: Vec<JobEvent>| folded([vec![created()], events].concat()).view;
    let running = end(vec![filled()]);
    assert_eq!((running.status, running.rejected, running.takes_items), (JobStatus::Running, 1, false));
    let completed = end(vec![filled(), JobEvent::JobCompleted {}]);
    assert_eq!((completed.status, completed.finished_at), (JobStatus::Completed, Some(recorded_at(3))));
    let cancelled = end(vec![filled(), JobEvent::JobCancelled {}, JobEvent::JobCompleted {}]);
    assert_eq!((cancelled.status, cancelled.finished_at), (JobStatus::Cancelled, Some(recorded_at(4))));
    let abandoned = end(vec![JobEvent::JobAbandoned {}]);
    assert_eq!((abandoned.status, abandoned.finished_at), (JobStatus::Incomplete, None));
    assert!(!abandoned.takes_items);
    assert_eq!(end(vec![JobEvent::JobAbandoned {}, JobEvent::JobCompleted {}]).status, JobStatus::Incomplete);
}

#[test]
fn counts_move_with_the_messages_and_each_is_counted_once() {
    let mut row = Some(folded(vec![created()]));
    let moves = [
        went(None, Place::Queued, 2),
        went(None, Place::Queued, 3),
        went(Some(Place::Queued), Place::Sent, 4),
        went(Some(Place::Queued), Place::Cancelled, 5),
        // On its way when it was cancelled, it arrived after all.
        went(Some(Place::Cancelled), Place::Sent, 6),
        went(Some(Place::Sent), Place::Delivered, 7),
        went(Some(Place::Delivered), Place::Read, 8),
    ];
    for one in moves {
        moved(&mut row, &one);
    }
    let view = row.unwrap().view;
    assert_eq!(view.progress, Progress { sent: 1, read: 1, ..Progress::default() });
    assert_eq!((view.accepted, view.version, view.touched), (2, 1, 8));
}

#[test]
fn the_counts_do_not_depend_on_where_the_jobs_own_events_stand_between_them() {
    let filled = JobEvent::JobFilled { accepted: 1, rejected: 2 };
    let mut late = Some(folded(vec![created()]));
    moved(&mut late, &went(None, Place::Queued, 2));
    let mut recorder = Recorder::default();
    recorder.record(StreamId::Job(JOB), created());
    fold(&mut late, &recorder.record(StreamId::Job(JOB), filled.clone()));
    let mut early = Some(folded(vec![created(), filled]));
    moved(&mut early, &went(None, Place::Queued, 2));
    assert_eq!(late, early);
}

#[test]
fn nothing_comes_of_a_move_between_the_same_places_or_without_a_job() {
    let queued = Some((JOB, Place::Queued));
    assert_eq!(Move::between(queued, queued, 1), None);
    assert_eq!(Move::between(None, None, 1), None);
    assert_eq!(Move::between(None, queued, 1), Some(went(None, Place::Queued, 1)));
}
