use std::sync::Arc;

use async_trait::async_trait;
use interflow_application::log::{EventLog, State, StreamId};
use interflow_application::{Core, Decision, Error, UseCase};
use interflow_domain::ChatId;
use interflow_domain::chat::{Chat, ChatCommand, ChatEvent};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::{PgEventLog, Settings};
use interflow_infrastructure::read_models::PgReads;

use super::fixture::{Build, Fixture, assigned, master, new_chat};

/// Puts somebody in charge: refused when the chat is closed, and nothing to do when they are already.
struct Assign {
    chat: ChatId,
    to: &'static str,
}

#[async_trait]
impl UseCase for Assign {
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let assignee = Some(self.to.parse().unwrap());
        decision.execute::<Chat>(StreamId::Chat(self.chat), ChatCommand::AssignChat { assignee }).await
    }
}

fn core(fixture: &Fixture, log: &PgEventLog) -> Core {
    Core {
        log: Arc::new(log.clone()),
        reads: Arc::new(PgReads::new(fixture.pool.clone())),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    }
}

#[tokio::test]
async fn a_refusal_from_a_stale_cache_is_confirmed_before_it_is_answered() {
    let fixture = Fixture::new().await;
    let (here, there) = (core(&fixture, &fixture.log), fixture.another_process().await);
    let (chat, context) = (new_chat(), fixture.empty().context);
    let stream = StreamId::Chat(chat);
    let closed = ChatEvent::ChatClosed {}.into();
    let reopened = ChatEvent::ChatReopened {}.into();

    // This process believes that the chat is closed; another one has opened it again.
    fixture.append(fixture.opened(chat)).await.unwrap();
    fixture.append(fixture.empty().on(stream, 1, [closed])).await.unwrap();
    there.append(fixture.empty().on(stream, 2, [reopened])).await.unwrap();
    let stale = fixture.log.load(fixture.workspace, stream).await.unwrap();
    assert_eq!((stale.version, stale.cached), (2, true));
    let done = here.run(&context, &Assign { chat, to: "Bea" }).await.unwrap();
    assert_eq!((done.output, done.events.len()), (true, 1));

    // It believes that Bea is in charge; another one has put Caio there.
    there.append(fixture.empty().on(stream, 4, [assigned("Caio")])).await.unwrap();
    let done = here.run(&context, &Assign { chat, to: "Bea" }).await.unwrap();
    assert_eq!((done.output, done.events.len()), (true, 1));

    // What is true is refused, and what changes nothing changes nothing.
    let done = here.run(&context, &Assign { chat, to: "Bea" }).await.unwrap();
    assert_eq!((done.output, done.events.len()), (false, 0));
    there.append(fixture.empty().on(stream, 6, [ChatEvent::ChatClosed {}.into()])).await.unwrap();
    let refused = here.run(&context, &Assign { chat, to: "Caio" }).await;
    assert!(matches!(refused, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn what_is_found_stale_leaves_the_cache_and_what_is_appended_moves_it_on() {
    let fixture = Fixture::new().await;
    let (workspace, there) = (fixture.workspace, fixture.another_process().await);
    let stream = StreamId::Chat(new_chat());
    let StreamId::Chat(chat) = stream else { unreachable!() };
    fixture.append(fixture.opened(chat)).await.unwrap();
    let loaded = fixture.log.load(workspace, stream).await.unwrap();
    assert_eq!((loaded.version, loaded.cached), (1, true));
    assert!(fixture.log.are_current(workspace, &[(stream, 1)]).await.unwrap());

    assert!(!there.load(workspace, stream).await.unwrap().cached);
    there.append(fixture.empty().on(stream, 1, [assigned("Bea")])).await.unwrap();
    assert!(!fixture.log.are_current(workspace, &[(stream, 1)]).await.unwrap());
    let loaded = fixture.log.load(workspace, stream).await.unwrap();
    assert_eq!((loaded.version, loaded.cached), (2, false));

    // The cached state is that of the log.
    fixture.append(fixture.empty().on(stream, 2, [assigned("Caio"), assigned("Davi")])).await.unwrap();
    let (cached, read) =
        (fixture.log.load(workspace, stream).await.unwrap(), fixture.another_process().await);
    let read = read.load(workspace, stream).await.unwrap();
    assert_eq!((cached.version, cached.cached, read.version, read.cached), (4, true, 4, false));
    let (State::Chat(cached), State::Chat(read)) = (cached.state, read.state) else { panic!() };
    assert_eq!(cached, read);

    // A lost race evicts as well.
    there.append(fixture.empty().on(stream, 4, [assigned("Eva")])).await.unwrap();
    fixture.append(fixture.empty().on(stream, 4, [assigned("Fabio")])).await.unwrap_err();
    assert!(!fixture.log.load(workspace, stream).await.unwrap().cached);
}

#[tokio::test]
async fn a_cache_without_room_changes_nothing_but_time() {
    let settings = Settings { cache_bytes: 1, ..Settings::default() };
    let fixture = Fixture::with(settings, Arc::new(SystemIds)).await;
    for _ in 0..20 {
        let chat = new_chat();
        fixture.append(fixture.opened(chat)).await.unwrap();
        fixture.append(fixture.empty().on(StreamId::Chat(chat), 1, [assigned("Bea")])).await.unwrap();
        assert_eq!(fixture.log.load(fixture.workspace, StreamId::Chat(chat)).await.unwrap().version, 2);
    }
    let small = PgEventLog::start(
        fixture.pool.clone(),
        &master(),
        Arc::new(SystemIds),
        Settings { cache_bytes: 4_000, ..Settings::default() },
    );
    for event in fixture.log.read(fixture.workspace, 0, 100).await.unwrap() {
        assert_eq!(small.load(fixture.workspace, event.stream).await.unwrap().version, 2);
    }
}
