use interflow_infrastructure::projections::{Fault, PROJECTIONS, Projections};
use sqlx::Executor;
use uuid::Uuid;

use super::{generations, live, verified, written};

#[tokio::test]
async fn a_row_changed_by_hand_one_missing_and_one_superfluous_are_named() {
    let fixture = written().await;
    let projections = Projections::new(&fixture.log).in_batches_of(100);
    let (sound, none) = verified(&projections, fixture.workspace).await;
    assert_eq!((none, sound.position), (vec![], fixture.sound().await.unsigned_abs()));

    let one = async |sql: &str| sqlx::query_scalar::<_, Uuid>(sql).fetch_one(&fixture.pool).await.unwrap();
    let changed = one("UPDATE customers SET name = 'Mallory', tags = tags || 'x'::text \
         WHERE id = (SELECT id FROM customers ORDER BY id LIMIT 1) RETURNING id")
    .await;
    let content = one("UPDATE messages SET content = '{\"type\":\"text\",\"text\":\"secret\"}' \
         WHERE id = (SELECT id FROM messages ORDER BY id LIMIT 1) RETURNING id")
    .await;
    let missing =
        one("DELETE FROM chats WHERE id = (SELECT id FROM chats ORDER BY id LIMIT 1) RETURNING id").await;
    let superfluous = one("INSERT INTO channels SELECT workspace_id, generation, gen_random_uuid(), 'superfluous', \
         status, linked, phone, profile_name, last_disconnect_reason, last_disconnect_at, created_at, updated_at, \
         version, created_position FROM channels LIMIT 1 RETURNING id")
    .await;

    let (after, found) = verified(&projections, fixture.workspace).await;
    assert_eq!((after.rows, after.differences), (sound.rows, 4));
    let columns = |names: &[&str]| Fault::Differs(names.iter().map(ToString::to_string).collect());
    let expected = [
        ("channels", "channels", superfluous, Fault::Superfluous),
        ("customers", "customers", changed, columns(&["name", "tags"])),
        ("conversations", "chats", missing, Fault::Missing),
        ("conversations", "messages", content, columns(&["content"])),
    ];
    let told: Vec<_> =
        found.iter().map(|one| (one.projection, one.table, one.id, one.fault.clone())).collect();
    assert_eq!(told, expected);
    assert!(!format!("{found:?}").contains("Mallory"), "values are personal");
    assert_eq!(generations(&fixture).await, live(1), "what it filled is gone");

    let mut of_customers = vec![];
    let only = PROJECTIONS.into_iter().find(|projection| projection.name == "customers");
    projections
        .verify(fixture.workspace, only, &mut |_| {}, &mut |difference| of_customers.push(difference))
        .await
        .unwrap();
    assert_eq!(of_customers, found[1..2]);

    projections.rebuild(fixture.workspace, &mut |_| {}).await.unwrap();
    assert_eq!(verified(&projections, fixture.workspace).await.1, []);
}

#[tokio::test]
async fn every_row_that_differs_is_told() {
    let fixture = written().await;
    fixture.pool.execute("UPDATE messages SET version = version + 1").await.unwrap();
    let rows = fixture.count("SELECT count(*) FROM messages WHERE workspace_id = $1").await;
    let (_, found) = verified(&Projections::new(&fixture.log), fixture.workspace).await;
    assert_eq!(found.len() as i64, rows);
    assert!(found.iter().all(|one| one.fault == Fault::Differs(vec!["version".to_owned()])));
}
