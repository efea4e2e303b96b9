use interflow_application::log::{AppendError, Rider, StreamId};
use interflow_domain::InstanceId;

use super::fixture::{Build, Fixture, assigned, later, new_chat, new_instance, new_message};

async fn lease(fixture: &Fixture, instance: InstanceId, epoch: i64) {
    sqlx::query(
        "INSERT INTO leases (workspace_id, instance_id, node_id, epoch) VALUES ($1, $2, gen_random_uuid(), $3) \
         ON CONFLICT (workspace_id, instance_id) DO UPDATE SET epoch = excluded.epoch",
    )
    .bind(fixture.workspace.uuid())
    .bind(instance.uuid())
    .bind(epoch)
    .execute(&fixture.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn only_the_holder_of_the_lease_appends() {
    let fixture = Fixture::new().await;
    let instance = new_instance();
    let fenced = |epoch| fixture.opened(new_chat()).with(Rider::Fence { instance, epoch });
    assert!(matches!(fixture.append(fenced(1)).await, Err(AppendError::Fenced)));
    lease(&fixture, instance, 1).await;
    fixture.append(fenced(1)).await.unwrap();
    lease(&fixture, instance, 2).await;
    assert!(matches!(fixture.append(fenced(1)).await, Err(AppendError::Fenced)));
    let answers = fixture.append_together(vec![fenced(1), fenced(2), fenced(3)]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
    // The chat of append_together is the third.
    assert_eq!(fixture.sound().await, 3);
}

#[tokio::test]
async fn a_send_waits_in_the_outbox_from_the_position_of_its_append_until_it_is_done() {
    let fixture = Fixture::new().await;
    let (instance, chat) = (new_instance(), new_chat());
    let (first, second, third) = (new_message(), new_message(), new_message());
    let deadline = later(60);
    let send = |message| Rider::Send { message, instance, chat, deadline, paced: None };
    let done = |message| Rider::SendDone { message };
    fixture.append(fixture.opened(chat).with(send(first))).await.unwrap();
    let assigned = fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea"), assigned("Caio")]);
    let answers = fixture
        .append_together(vec![
            assigned.with(send(second)),
            // Asked for and done within one group, and a repetition of what is there.
            fixture.empty().with(send(third)),
            fixture.empty().with(done(third)).with(done(first)),
            fixture.empty().with(send(second)),
        ])
        .await;
    assert!(answers.iter().all(Result::is_ok));
    let rows: Vec<(uuid::Uuid, i64, i32)> =
        sqlx::query_as("SELECT message_id, position, attempts FROM outbox ORDER BY position")
            .fetch_all(&fixture.pool)
            .await
            .unwrap();
    // Position 2 is that of the chat of append_together.
    assert_eq!(rows, [(second.uuid(), 3, 0)]);
}
