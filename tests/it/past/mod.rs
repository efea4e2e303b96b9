//! The past of the read models: that it is what they showed, at every position.

mod bench;
mod erased;
mod everything;
mod large;
mod points;

use interflow_application::past::{Past, PastReads};
use interflow_application::read::Marked;
use interflow_infrastructure::read_models::PgPast;

use crate::event_log::fixture::Fixture;

fn past(fixture: &Fixture) -> PgPast {
    PgPast::new(fixture.log.clone())
}

/// What a page shows, without what was erased of it.
fn items<T>(page: Marked<Past<T>>) -> Marked<T> {
    let Marked { items, marks, total, total_is_estimate, next, is_out_of_reach } = page;
    let items = items.into_iter().map(|past| past.item).collect();
    Marked { items, marks, total, total_is_estimate, next, is_out_of_reach }
}

/// The last position of a workspace's log.
async fn head(fixture: &Fixture) -> u64 {
    use interflow_application::log::EventLog;

    fixture.log.head(fixture.workspace).await.unwrap()
}

/// Whether the past can be asked at all of a workspace that has none.
#[tokio::test]
async fn a_workspace_without_a_log_has_a_past_without_anything() {
    let fixture = Fixture::new().await;
    let past = past(&fixture);
    let nothing = past.customers(fixture.workspace, 0, &Default::default()).await.unwrap();
    assert_eq!(items(nothing), Marked::empty());
    assert_eq!(past.place(fixture.workspace, 0).await.unwrap().unwrap().position, 0);
    assert_eq!(past.place(fixture.workspace, 1).await.unwrap(), Err(0));
    assert_eq!(head(&fixture).await, 0);
}
