use interflow_application::Ids;
use interflow_domain::WorkspaceId;
use interflow_infrastructure::clock::SystemIds;
use interflow_infrastructure::projections::{Projections, ProjectionsError, Rebuilt};

use super::{generations, history, live, play, rows, verified, written};

#[tokio::test]
async fn a_rebuild_makes_the_same_rows_in_the_next_generation_and_leaves_nothing_of_the_last() {
    let fixture = written().await;
    let before = rows(&fixture.pool, fixture.workspace, 1).await;
    assert!(before.iter().all(|(_, rows)| !rows.is_empty()));
    assert_eq!(generations(&fixture).await, live(1));
    let events = fixture.sound().await.unsigned_abs();

    for (generation, batch) in [(2, 7), (3, 1000)] {
        let projections = Projections::new(&fixture.log).in_batches_of(batch);
        let mut told = vec![];
        let rebuilt = projections.rebuild(fixture.workspace, &mut |progress| told.push(progress)).await;
        assert_eq!(rebuilt.unwrap(), Rebuilt { generation, position: events });
        assert_eq!(rows(&fixture.pool, fixture.workspace, generation).await, before);
        assert_eq!(generations(&fixture).await, live(generation));
        assert!(told.is_sorted_by_key(|progress| progress.position));
        assert_eq!((told[0].position, told[told.len() - 1].position), (0, events));
    }
    // What is written from now on is written to it.
    let (verified, differences) = verified(&Projections::new(&fixture.log), fixture.workspace).await;
    assert_eq!((verified.generation, verified.position, differences), (3, events, vec![]));
}

#[tokio::test]
async fn a_rebuild_touches_no_other_workspace() {
    let fixture = written().await;
    let other = WorkspaceId::new(SystemIds.next());
    play(&fixture.log, other, history(100)).await;
    let whole = "SELECT coalesce(sum(hashtext(messages::text || xmin::text)), 0)::bigint FROM messages \
         WHERE workspace_id <> $1";
    let (before, untouched) = (rows(&fixture.pool, other, 1).await, fixture.count(whole).await);

    let projections = Projections::new(&fixture.log).in_batches_of(50);
    projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
    assert_eq!(rows(&fixture.pool, other, 1).await, before);
    assert_eq!(fixture.count(whole).await, untouched);
    let statuses = projections.list(None).await.unwrap();
    let mut generations: Vec<_> =
        statuses.iter().map(|status| (status.workspace, status.generation)).collect();
    generations.sort();
    let mut expected = vec![(fixture.workspace, 2), (other, 1)];
    expected.sort();
    assert_eq!(generations, expected);
}

#[tokio::test]
async fn rebuilds_of_one_workspace_at_the_same_time_make_one_generation() {
    let fixture = written().await;
    let before = rows(&fixture.pool, fixture.workspace, 1).await;
    let here = Projections::new(&fixture.log).in_batches_of(10);
    let there = Projections::new(&fixture.another_process().await).in_batches_of(10);
    let (mut unheard, mut unheard_there) = (|_| {}, |_| {});
    let (here, there) = tokio::join!(
        here.rebuild(fixture.workspace, &mut unheard),
        there.rebuild(fixture.workspace, &mut unheard_there)
    );
    assert_eq!(here.unwrap(), there.unwrap());
    assert_eq!(generations(&fixture).await, live(2));
    assert_eq!(rows(&fixture.pool, fixture.workspace, 2).await, before);
}

#[tokio::test]
async fn a_workspace_without_a_log_is_not_rebuilt() {
    let fixture = written().await;
    let nobody = WorkspaceId::new(SystemIds.next());
    let projections = Projections::new(&fixture.log);
    let refused = projections.rebuild(nobody, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, ProjectionsError::NoWorkspace(id) if id == nobody));
    assert!(matches!(projections.list(Some(nobody)).await, Err(ProjectionsError::NoWorkspace(_))));
    assert_eq!(projections.workspaces().await.unwrap(), [fixture.workspace]);
}
