use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use interflow_application::log::Rider;
use interflow_application::{Answer, AnswerStore, Clock, ResourceRef};
use interflow_infrastructure::answers::PgAnswers;
use interflow_infrastructure::clock::SystemClock;

use super::fixture::{Build, Fixture, command, master, new_chat};

struct Tomorrow;

impl Clock for Tomorrow {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + TimeDelta::days(1)
    }
}

#[tokio::test]
async fn an_answer_is_kept_once_sealed_and_until_it_expires() {
    let fixture = Fixture::new().await;
    let today = PgAnswers::new(fixture.pool.clone(), &master(), Arc::new(SystemClock));
    let tomorrow = PgAnswers::new(fixture.pool.clone(), &master(), Arc::new(Tomorrow));
    assert_eq!(today.find(fixture.workspace, &[1; 32]).await.unwrap(), None);

    let chat = new_chat();
    let rider = Rider::Command { command: command(1), resource: ResourceRef::Chat(chat) };
    fixture.append(fixture.opened(chat).with(rider)).await.unwrap();
    assert_eq!(today.find(fixture.workspace, &[1; 32]).await.unwrap().unwrap().answer, None);

    let answer = |body: &str| Answer { status: 201, headers: vec![], body: body.into() };
    for body in ["Ana Maria", "another"] {
        today.keep(fixture.workspace, &[1; 32], answer(body)).await.unwrap();
    }
    let found = today.find(fixture.workspace, &[1; 32]).await.unwrap().unwrap();
    assert_eq!(found.answer, Some(answer("Ana Maria")));
    let clear =
        "SELECT count(*) FROM commands c WHERE workspace_id = $1 AND encode(body, 'escape') LIKE '%Ana%'";
    assert_eq!(fixture.count(clear).await, 0);

    assert_eq!(tomorrow.find(fixture.workspace, &[1; 32]).await.unwrap(), None);
    assert_eq!((today.prune().await.unwrap(), tomorrow.prune().await.unwrap()), (0, 1));
    assert_eq!(today.find(fixture.workspace, &[1; 32]).await.unwrap(), None);
}
