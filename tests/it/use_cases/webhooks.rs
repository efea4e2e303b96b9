//! Webhook endpoints on the real log, and bodies made of what it holds.

use chrono::TimeDelta;
use interflow_application::log::{RecordedEvent, State, StreamId};
use interflow_application::webhook::{Materials, Numbering, signing, standard};
use interflow_application::{
    ChannelRef, ClearWebhookBacklog, CreateWebhook, DeleteWebhook, EnsureEnvironmentWebhook, Error,
    PatchCustomer, PauseWebhook, ProfilePatch, ResumeWebhook, RotateWebhookSecret, UpdateWebhook,
    WebhookPatch, environment_webhook_id,
};
use interflow_domain::webhook::{
    Format, PausedBy, Phase, SettingsDraft, Signing, StartFrom, Webhook, WebhookUrl,
};
use interflow_domain::{WebhookId, WorkspaceId};
use uuid::Uuid;

use super::{Desk, profile};

const URL: &str = "https://example.com/hook?key=hidden";

fn create(url: &str, channels: Vec<ChannelRef>) -> CreateWebhook {
    let settings = SettingsDraft {
        url: url.parse().unwrap(),
        description: None,
        format: Format::Standard,
        schema_version: 1,
        events: [].into(),
        channels: [].into(),
        headers: [("authorization".parse().unwrap(), "Bearer hidden".parse().unwrap())].into(),
        rate_limit: None,
        schedule: None,
        by_events: false,
    };
    let secret = signing::new_secret(Signing::Hmac).unwrap();
    CreateWebhook { settings, channels, secret, start_from: StartFrom::Now, most: None }
}

async fn webhook(desk: &Desk, id: WebhookId) -> Webhook {
    let loaded = desk.core.log.load(desk.context.workspace, StreamId::Webhook(id)).await.unwrap();
    let State::Webhook(webhook) = loaded.state else { panic!("a webhook") };
    (*webhook).clone()
}

async fn log(desk: &Desk) -> Vec<RecordedEvent> {
    desk.core.log.read(desk.context.workspace, 0, 100).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_webhooks_for_the_same_channels() {
    let desk = Desk::open().await;
    let all = desk.run(&create(URL, vec![])).await.unwrap();
    assert!(matches!(desk.run(&create(URL, vec![])).await, Err(Error::Conflict(_))));
    let shop = vec![ChannelRef::id(desk.instance)];
    let of_shop = desk.run(&create(URL, shop.clone())).await.unwrap();
    let named = ChannelRef::name("shop".parse().unwrap());
    assert!(matches!(desk.run(&create(URL, vec![named])).await, Err(Error::Conflict(_))));

    let patch = |patch| UpdateWebhook { id: of_shop, patch, expected: None };
    let clash = patch(WebhookPatch { channels: Some(vec![]), ..WebhookPatch::default() });
    assert!(matches!(desk.run(&clash).await, Err(Error::Conflict(_))));
    desk.run(&DeleteWebhook { id: all, expected: None }).await.unwrap();
    desk.run(&clash).await.unwrap();
    desk.run(&create(URL, shop)).await.unwrap();
    let unknown = vec![ChannelRef::name("nobody".parse().unwrap())];
    assert!(matches!(desk.run(&create("https://example.com/", unknown)).await, Err(Error::Invalid { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_address_nor_the_headers_nor_the_secret_is_stored_in_clear() {
    let desk = Desk::open().await;
    let command = create(URL, vec![]);
    let id = desk.run(&command).await.unwrap();
    let secret = signing::new_secret(Signing::Ed25519).unwrap();
    let (overlap, nonce) = (TimeDelta::days(1), Uuid::from_u128(1));
    let rotate = RotateWebhookSecret { id, secret: secret.clone(), nonce, overlap, expected: Some(1) };
    desk.run(&rotate).await.unwrap();
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT payload::text FROM events WHERE aggregate_type = 'webhook'")
            .fetch_all(&desk._database.pool)
            .await
            .unwrap();
    assert_eq!(stored.len(), 2);
    for hidden in ["hidden", "example.com", secret.expose(), command.secret.expose()] {
        assert!(stored.iter().all(|payload| !payload.contains(hidden)));
    }
    let webhook = webhook(&desk, id).await;
    let now = desk.core.clock.now();
    assert_eq!(webhook.secrets(now), [&secret, &command.secret]);
    assert_eq!(webhook.settings().unwrap().draft(), Some(command.settings));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_another_workspace_is_not_there() {
    let desk = Desk::open().await;
    let id = desk.run(&create(URL, vec![])).await.unwrap();
    let mut context = desk.context.clone();
    context.workspace = WorkspaceId::new(Uuid::from_u128(7));
    let pause = PauseWebhook { id, by: PausedBy::Caller, expected: None };
    assert!(matches!(desk.core.run(&context, &pause).await, Err(Error::NotFound(_))));
    let history =
        desk.core.log.history(context.workspace, StreamId::Webhook(id), 0, u64::MAX, u32::MAX).await.unwrap();
    assert!(history.is_empty());
    desk.core.run(&context, &create(URL, vec![])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_for_the_backlog_ends_by_itself_and_one_by_its_owner_does_not() {
    let desk = Desk::open().await;
    let id = desk.run(&create(URL, vec![])).await.unwrap();
    let pause = |by| PauseWebhook { id, by, expected: None };
    desk.run(&pause(PausedBy::Backlog)).await.unwrap();
    assert!(desk.run(&ClearWebhookBacklog { id }).await.unwrap());
    desk.run(&pause(PausedBy::Caller)).await.unwrap();
    assert!(!desk.run(&ClearWebhookBacklog { id }).await.unwrap());
    assert_eq!(webhook(&desk, id).await.phase(), Phase::Paused { by: PausedBy::Caller });
    desk.run(&ResumeWebhook { id, expected: Some(4) }).await.unwrap();
    assert!(webhook(&desk, id).await.is_active());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_webhook_follows_the_environment() {
    let desk = Desk::open().await;
    let id = environment_webhook_id(desk.context.workspace);
    let secret = signing::new_secret(Signing::Hmac).unwrap();
    let ensure = |url: Option<&str>| {
        let url = url.map(|url| url.parse::<WebhookUrl>().unwrap());
        EnsureEnvironmentWebhook { url, secret: secret.clone() }
    };
    let (first, second) = (Some("http://localhost:3000/webhook/evolution"), Some("http://localhost:3001/"));
    assert!(!desk.run(&ensure(None)).await.unwrap());
    assert!(desk.run(&ensure(first)).await.unwrap());
    assert!(!desk.run(&ensure(first)).await.unwrap(), "a restart changes nothing");
    assert!(desk.run(&ensure(second)).await.unwrap());
    assert_eq!(webhook(&desk, id).await.settings().unwrap().url.get().unwrap().expose(), second.unwrap());
    assert!(matches!(desk.run(&DeleteWebhook { id, expected: None }).await, Err(Error::Conflict(_))));
    assert!(desk.run(&ensure(None)).await.unwrap());
    assert!(!webhook(&desk, id).await.is_active());
    assert!(desk.run(&ensure(second)).await.unwrap());
    assert!(webhook(&desk, id).await.is_active());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_the_same_bytes_whatever_happened_since() {
    let desk = Desk::open().await;
    let ana = desk.create(profile(Some("5511999999999"), None)).await.unwrap();
    let rename = |name: &str| PatchCustomer {
        id: ana,
        patch: ProfilePatch { name: Some(Some(name.parse().unwrap())), ..ProfilePatch::default() },
        expected: None,
    };
    let bodies = async || {
        let mut bodies = vec![];
        for recorded in log(&desk).await {
            let materials =
                Materials::gather(&*desk.core.log, desk.context.workspace, recorded).await.unwrap();
            bodies.extend(materials.and_then(|its| standard::body(&its, Numbering::nth(1), 1)));
        }
        bodies
    };
    desk.run(&rename("Ana")).await.unwrap();
    let before = bodies().await;
    desk.run(&rename("Bia")).await.unwrap();
    let after = bodies().await;
    assert_eq!(after[..before.len()], before);
    assert_eq!(after.len(), before.len() + 1);
    assert!(after[before.len()].contains("Bia") && !before.concat().contains("Bia"));
}
