use sqlx::Executor;

use super::fixture::{Fixture, new_chat};

#[tokio::test]
async fn events_are_neither_changed_nor_deleted() {
    let fixture = Fixture::new().await;
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    for replica in ["origin", "replica"] {
        let mut connection = fixture.database.connection().await;
        connection.execute(format!("SET session_replication_role = {replica}").as_str()).await.unwrap();
        for sql in [
            "UPDATE events SET event_type = event_type",
            "UPDATE events SET payload = '{}' WHERE false",
            "DELETE FROM events",
            "TRUNCATE events",
            "TRUNCATE heads, streams, events",
            "INSERT INTO events SELECT * FROM events ON CONFLICT (workspace_id, position) DO UPDATE SET payload = '{}'",
        ] {
            let error = connection.execute(sql).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{sql}: {error}");
        }
    }
    assert_eq!(fixture.sound().await, 1);
}
