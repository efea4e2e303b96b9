//! Given what happened to a webhook, when something is asked of it, then this happens.

use super::{
    DisableReason, Format, HeaderName, Origin, PausedBy, Phase, RateLimit, RetrySchedule, Secret,
    SettingsDraft, Signing, StartFrom, Webhook, WebhookCommand, WebhookError, WebhookEvent, WebhookUrl,
};
use crate::testing::{assert_repeating_changes_nothing, at, given, state, uuid, value};
use crate::{InstanceId, Personal, Subject, WebhookId};

const ID: WebhookId = WebhookId::new(uuid(1));
const DAY: i64 = 24 * 3600;

fn secret(letter: &str) -> Secret {
    value(&format!("whsec_{}", letter.repeat(44)))
}

fn sealed(letter: &str) -> Personal<Secret> {
    Personal::new(Subject::Webhook(ID), secret(letter))
}

fn draft() -> SettingsDraft {
    SettingsDraft {
        url: value("https://example.com/hook"),
        description: Some(value("CRM")),
        format: Format::Standard,
        schema_version: 1,
        events: [value("message.*")].into(),
        channels: [].into(),
        headers: [(value("Authorization"), value("Bearer x"))].into(),
        rate_limit: RateLimit::try_new(10).ok(),
        schedule: None,
        by_events: false,
    }
}

fn create_with(settings: SettingsDraft) -> WebhookCommand {
    WebhookCommand::CreateWebhook {
        webhook_id: ID,
        settings,
        secret: secret("a"),
        start_from: StartFrom::Now,
        origin: Origin::Api,
    }
}

fn created() -> Vec<WebhookEvent> {
    vec![WebhookEvent::WebhookCreated {
        webhook_id: ID,
        settings: draft().belonging_to(ID),
        secret: sealed("a"),
        start_from: StartFrom::Now,
        origin: Origin::Api,
    }]
}

fn with(mut events: Vec<WebhookEvent>, event: WebhookEvent) -> Vec<WebhookEvent> {
    events.push(event);
    events
}

fn paused(by: PausedBy) -> Vec<WebhookEvent> {
    with(created(), WebhookEvent::WebhookPaused { by })
}

fn disabled() -> Vec<WebhookEvent> {
    with(created(), WebhookEvent::WebhookDisabled { reason: DisableReason::Failing })
}

fn deleted() -> Vec<WebhookEvent> {
    with(created(), WebhookEvent::WebhookDeleted {})
}

fn rotate(letter: &str, now: i64, until: i64) -> WebhookCommand {
    WebhookCommand::RotateSecret { secret: secret(letter), at: at(now), overlap_until: at(until) }
}

fn rotated(letter: &str, now: i64, until: i64) -> WebhookEvent {
    WebhookEvent::SecretRotated { secret: sealed(letter), at: at(now), overlap_until: at(until) }
}

#[test]
fn a_webhook_is_created_active_and_what_is_secret_is_sealed_as_its_own() {
    given::<Webhook>(vec![]).when(create_with(draft())).then_expect_events(created());

    let webhook: Webhook = state(created());
    assert!(webhook.exists() && webhook.is_active());
    assert_eq!((webhook.id(), webhook.signing()), (Some(ID), Some(Signing::Hmac)));
    let settings = webhook.settings().unwrap();
    assert_eq!(settings.url.subject(), Subject::Webhook(ID));
    assert_eq!(settings.headers.as_ref().unwrap().subject(), Subject::Webhook(ID));
    assert_eq!(settings.draft(), Some(draft()));
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let shown = format!("{:?} {:?}", created(), create_with(draft()));
    for secret in ["aaaa", "example.com", "Bearer"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_webhook_that_breaks_a_bound_is_neither_created_nor_changed_to_that() {
    let names = |count: usize| (0..count).map(|n| "x".repeat(n + 1));
    let broken = [
        (
            SettingsDraft { events: names(51).map(|name| value(&name)).collect(), ..draft() },
            WebhookError::TooManyEvents,
        ),
        (
            SettingsDraft { channels: (0..101).map(|n| InstanceId::new(uuid(n))).collect(), ..draft() },
            WebhookError::TooManyChannels,
        ),
        (
            SettingsDraft { headers: names(21).map(|name| (value(&name), value("1"))).collect(), ..draft() },
            WebhookError::TooManyHeaders,
        ),
        (SettingsDraft { by_events: true, ..draft() }, WebhookError::ByEventsNeedsEvolution),
    ];
    for (settings, error) in broken {
        let update = WebhookCommand::UpdateWebhook { settings: settings.clone() };
        given::<Webhook>(vec![]).when(create_with(settings)).then_expect_error(error.clone());
        given::<Webhook>(created()).when(update).then_expect_error(error);
    }
}

#[test]
fn settings_are_replaced_as_a_whole_but_for_the_format() {
    let settings = SettingsDraft { url: value("https://example.com/other"), events: [].into(), ..draft() };
    let update = WebhookCommand::UpdateWebhook { settings: settings.clone() };
    let updated = WebhookEvent::WebhookUpdated { settings: settings.belonging_to(ID) };
    given::<Webhook>(created()).when(update.clone()).then_expect_events(vec![updated.clone()]);
    given::<Webhook>(with(created(), updated)).when(update).then_expect_events(vec![]);
    let settings = SettingsDraft { format: Format::Evolution, ..draft() };
    given::<Webhook>(created())
        .when(WebhookCommand::UpdateWebhook { settings })
        .then_expect_error(WebhookError::FormatIsFixed);
}

#[test]
fn a_pause_by_its_owner_outranks_one_for_the_backlog() {
    let pause = |by| WebhookCommand::PauseWebhook { by };
    let paused_by_caller = vec![WebhookEvent::WebhookPaused { by: PausedBy::Caller }];
    given::<Webhook>(created()).when(pause(PausedBy::Caller)).then_expect_events(paused_by_caller.clone());
    given::<Webhook>(paused(PausedBy::Backlog))
        .when(pause(PausedBy::Caller))
        .then_expect_events(paused_by_caller);
    given::<Webhook>(paused(PausedBy::Caller)).when(pause(PausedBy::Backlog)).then_expect_events(vec![]);
    let cleared = || WebhookCommand::RecordBacklogCleared;
    given::<Webhook>(paused(PausedBy::Caller)).when(cleared()).then_expect_events(vec![]);
    given::<Webhook>(paused(PausedBy::Backlog))
        .when(cleared())
        .then_expect_events(vec![WebhookEvent::WebhookResumed {}]);
}

#[test]
fn its_owner_resumes_it_whoever_paused_it() {
    for by in [PausedBy::Caller, PausedBy::Backlog] {
        given::<Webhook>(paused(by))
            .when(WebhookCommand::ResumeWebhook)
            .then_expect_events(vec![WebhookEvent::WebhookResumed {}]);
    }
    given::<Webhook>(created()).when(WebhookCommand::ResumeWebhook).then_expect_events(vec![]);
}

#[test]
fn a_disabled_webhook_is_enabled_and_not_resumed_or_paused() {
    for history in [created(), paused(PausedBy::Caller), paused(PausedBy::Backlog)] {
        given::<Webhook>(history)
            .when(WebhookCommand::DisableWebhook { reason: DisableReason::Gone })
            .then_expect_events(vec![WebhookEvent::WebhookDisabled { reason: DisableReason::Gone }]);
    }
    for command in [WebhookCommand::ResumeWebhook, WebhookCommand::PauseWebhook { by: PausedBy::Caller }] {
        given::<Webhook>(disabled()).when(command).then_expect_error(WebhookError::Disabled);
    }
    let backlog = WebhookCommand::PauseWebhook { by: PausedBy::Backlog };
    given::<Webhook>(disabled()).when(backlog).then_expect_events(vec![]);
    given::<Webhook>(disabled())
        .when(WebhookCommand::EnableWebhook)
        .then_expect_events(vec![WebhookEvent::WebhookEnabled {}]);
    given::<Webhook>(created()).when(WebhookCommand::EnableWebhook).then_expect_events(vec![]);
    let phase = state::<Webhook>(disabled()).phase();
    assert_eq!(phase, Phase::Disabled { reason: DisableReason::Failing });
}

#[test]
fn both_secrets_sign_until_the_overlap_ends() {
    given::<Webhook>(created()).when(rotate("b", 0, DAY)).then_expect_events(vec![rotated("b", 0, DAY)]);

    let webhook: Webhook = state(with(created(), rotated("b", 0, DAY)));
    let signing = |now| webhook.secrets(at(now)).into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(signing(DAY - 1), [secret("b"), secret("a")]);
    assert_eq!(signing(DAY), [secret("b")]);
}

#[test]
fn a_rotation_without_overlap_retires_the_old_secret_at_once() {
    let webhook: Webhook = state(with(created(), rotated("b", 5, 5)));
    assert_eq!(webhook.secrets(at(5)), [&secret("b")]);
    given::<Webhook>(created()).when(rotate("b", 5, 4)).then_expect_error(WebhookError::OverlapInThePast);
}

#[test]
fn at_most_two_earlier_secrets_sign_and_those_that_ended_are_forgotten() {
    let twice = with(with(created(), rotated("b", 0, DAY)), rotated("c", 1, DAY));
    let webhook: Webhook = state(twice.clone());
    assert_eq!(webhook.secrets(at(2)), [&secret("c"), &secret("b"), &secret("a")]);
    given::<Webhook>(twice.clone()).when(rotate("d", 2, DAY)).then_expect_error(WebhookError::TooManySecrets);
    let later = with(twice, rotated("d", DAY, 2 * DAY));
    assert_eq!(state::<Webhook>(later).retiring().len(), 1);
}

#[test]
fn a_secret_is_not_used_twice() {
    let rotated_once = with(created(), rotated("b", 0, DAY));
    for letter in ["a", "b"] {
        given::<Webhook>(rotated_once.clone())
            .when(rotate(letter, 1, DAY))
            .then_expect_error(WebhookError::SecretInUse);
    }
}

#[test]
fn the_scheme_is_that_of_the_present_secret() {
    let key: Secret = value(&format!("whsk_{}", "A".repeat(88)));
    assert_eq!(key.signing(), Signing::Ed25519);
    let secret = Personal::new(Subject::Webhook(ID), key);
    let rotation = WebhookEvent::SecretRotated { secret, at: at(0), overlap_until: at(DAY) };
    assert_eq!(state::<Webhook>(with(created(), rotation)).signing(), Some(Signing::Ed25519));
}

#[test]
fn a_deleted_webhook_is_gone() {
    for history in [created(), paused(PausedBy::Caller), disabled()] {
        given::<Webhook>(history)
            .when(WebhookCommand::DeleteWebhook)
            .then_expect_events(vec![WebhookEvent::WebhookDeleted {}]);
    }
    assert!(!state::<Webhook>(deleted()).exists());
    for command in every_command() {
        given::<Webhook>(deleted()).when(command).then_expect_error(WebhookError::Deleted);
    }
}

#[test]
fn nothing_is_asked_of_a_webhook_before_it_is_created_and_it_is_created_once() {
    for command in every_command().into_iter().skip(1) {
        given::<Webhook>(vec![]).when(command).then_expect_error(WebhookError::NotCreated);
    }
    given::<Webhook>(created()).when(create_with(draft())).then_expect_error(WebhookError::AlreadyCreated);
}

fn every_command() -> Vec<WebhookCommand> {
    vec![
        create_with(draft()),
        WebhookCommand::UpdateWebhook { settings: SettingsDraft { description: None, ..draft() } },
        WebhookCommand::PauseWebhook { by: PausedBy::Caller },
        WebhookCommand::PauseWebhook { by: PausedBy::Backlog },
        WebhookCommand::ResumeWebhook,
        WebhookCommand::RecordBacklogCleared,
        WebhookCommand::DisableWebhook { reason: DisableReason::ReceiversWord },
        WebhookCommand::EnableWebhook,
        rotate("z", 0, DAY),
        WebhookCommand::DeleteWebhook,
    ]
}

#[test]
fn no_command_records_the_same_thing_twice_in_a_row() {
    let histories =
        [vec![], created(), paused(PausedBy::Caller), paused(PausedBy::Backlog), disabled(), deleted()];
    assert_repeating_changes_nothing::<Webhook>(&histories, &every_command());
}

#[test]
fn values_keep_their_bounds() {
    for name in ["Authorization", "X-Api-Key", "x"] {
        assert_eq!(value::<HeaderName>(name).as_str(), name.to_ascii_lowercase());
    }
    for name in
        ["", "a b", "a:b", "Host", "Content-Type", "Webhook-Id", "proxy-authorization", &"x".repeat(65)]
    {
        assert!(name.parse::<HeaderName>().is_err(), "{name}");
    }
    for value in ["", " a", "a ", "a\r\nb", "é", &"x".repeat(1025)] {
        assert!(value.parse::<super::HeaderValue>().is_err(), "{value}");
    }
    for url in ["ftp://a", "https://", "https://a b", "example.com", &format!("https://{}", "a".repeat(2041))]
    {
        assert!(url.parse::<WebhookUrl>().is_err(), "{url}");
    }
    for secret in ["", "whsec_", "whsec_c2hvcnQ=", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
        assert!(secret.parse::<Secret>().is_err(), "{secret}");
    }
    assert!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse::<Secret>().is_ok());
    for pattern in ["", "Message.*", "a b", &"a".repeat(65)] {
        assert!(pattern.parse::<super::EventPattern>().is_err(), "{pattern}");
    }
    assert!(RateLimit::try_new(0).is_err() && RateLimit::try_new(1001).is_err());
    assert!(RetrySchedule::try_new(vec![]).is_err());
    assert!(RetrySchedule::try_new(vec![604_801]).is_err());
    assert!(RetrySchedule::try_new(vec![0; 21]).is_err());
    assert_eq!(RetrySchedule::default().seconds().len(), 10);
}
