//! What goes with a month, and what stays.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::Expired;
use interflow_application::log::Event;
use interflow_application::webhook::Outcome;
use interflow_application::webhook::ports::{Post, Transport};
use interflow_domain::message::MessageEvent;
use interflow_domain::webhook::StartFrom;
use interflow_infrastructure::event_log::Settings;
use interflow_infrastructure::projections::Projections;
use interflow_infrastructure::retention::PgRetention;

use super::{MovedClock, Shop};
use crate::projections::verified;
use crate::webhook::Build;

/// A receiver that repeats what it was told.
struct Echo;

#[async_trait]
impl Transport for Echo {
    async fn post(&self, post: Post) -> Outcome {
        let took = Duration::from_millis(1);
        Outcome { status: Some(200), error: None, headers: vec![], body: post.body, took }
    }
}

const ANA: &str = "5511911111111";
const BEA: &str = "5511922222222";

/// How many attempts repeat a text.
async fn repeated(shop: &Shop, text: &str) -> i64 {
    let sql = "SELECT count(*) FROM webhook_attempts WHERE position(convert_to($1, 'UTF8') IN body) > 0";
    sqlx::query_scalar(sql).bind(text).fetch_one(shop.pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_old_enough_is_forgotten_and_the_next_is_not() {
    let clock = MovedClock::at("2026-01-10T10:00:00Z");
    let build = Build { transport: Arc::new(Echo), ..Build::new().await };
    let neighbours = Build::on(Arc::clone(&build.database));
    let mut shop = Shop::open(build, &clock, "shop").await;
    let neighbour = Shop::open(neighbours, &clock, "neighbour").await;
    shop.keep(Some(30)).await;
    let january = [shop.send(ANA, "january narwhal").await, shop.send(BEA, "january wombat").await];
    let theirs = neighbour.send(ANA, "january next door").await;
    clock.put("2026-01-31T23:59:59.999Z");
    let latest = shop.send(BEA, "january pangolin").await;
    clock.put("2026-02-01T00:00:00Z");
    let february = shop.send(ANA, "february axolotl").await;
    let from = StartFrom::Position { position: 1 };
    let id =
        shop.node.endpoint_with("https://receiver.example.com/", |create| create.start_from = from).await;
    shop.node = shop.node.started().await;
    shop.node.until_idle(id).await;
    assert_eq!((repeated(&shop, "january").await, repeated(&shop, "february").await), (3, 1));

    let other = shop.another_log(Settings::default()).await;
    let keeper = shop.keeper(PgRetention::new(other.clone(), Arc::clone(&shop.core().clock)));
    clock.put("2026-03-02T23:59:59Z");
    assert_eq!(keeper.sweep().await.unwrap(), Expired::default(), "it ended less than 30 days ago");
    clock.put("2026-03-03T00:00:00Z");
    let expired = keeper.sweep().await.unwrap();
    assert_eq!((expired.data_keys, expired.messages, expired.webhook_attempts), (2, 3, 3));
    assert_eq!(shop.certificates().await, [(2, 3)]);

    for id in january.into_iter().chain([latest]) {
        let message = shop.message(id).await;
        assert_eq!((&message.content, message.kind.as_str()), (&None, "text"));
        assert!(message.phone.is_some(), "the number is the customer's, who stays");
    }
    assert!(shop.message(february).await.content.is_some());
    assert!(neighbour.message(theirs).await.content.is_some(), "nobody else is concerned");
    let previews: Vec<Option<String>> = sqlx::query_scalar(
        "SELECT last_message_preview FROM chats WHERE workspace_id = $1 ORDER BY last_message_at",
    )
    .bind(shop.context().workspace.uuid())
    .fetch_all(shop.pool())
    .await
    .unwrap();
    assert_eq!(previews, [None, Some("february axolotl".to_owned())]);
    assert_eq!((repeated(&shop, "january").await, repeated(&shop, "february").await), (0, 1));

    // This process was told nothing, and had all of it in memory.
    let workspace = shop.context().workspace;
    shop.core().log.erasures(workspace).await.unwrap();
    let mut said = vec![];
    for recorded in shop.core().log.read(workspace, 0, 1_000).await.unwrap() {
        if let Event::Message(MessageEvent::MessageQueued { content, .. }) = recorded.event {
            said.push(content.get().is_some());
        }
    }
    assert_eq!(said, [false, false, false, true], "a replay shows what is gone as gone");
    for delivery in shop.node.deliveries(id, None).await {
        let preview = shop.node.dispatcher.preview(shop.context(), id, delivery.id).await.unwrap();
        assert!(!preview.body.contains("january"), "{}", preview.body);
        let is_of_january =
            delivery.event_type == "message.queued" && preview.body.contains("\"erased\":true");
        assert!(!is_of_january || preview.body.contains("\"content\":null"), "{}", preview.body);
    }
    assert_eq!(verified(&Projections::new(&other), workspace).await.1, []);

    // Once is enough; and life goes on.
    assert_eq!(keeper.sweep().await.unwrap(), Expired::default());
    let march = shop.send(ANA, "march quokka").await;
    assert!(shop.message(march).await.content.is_some());
    shop.keep(None).await;
    clock.put("2027-01-01T00:00:00Z");
    assert_eq!(keeper.sweep().await.unwrap(), Expired::default(), "it keeps them for ever now");
    shop.keep(Some(30)).await;
    let expired = keeper.sweep().await.unwrap();
    assert_eq!((expired.data_keys, expired.messages), (2, 2));
    assert!(shop.messages().await.iter().all(|message| message.content.is_none()));
    assert_eq!(verified(&Projections::new(&other), workspace).await.1, []);
    other.close().await;
}
