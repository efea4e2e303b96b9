//! Events as version 1.0 meant them, in the order of the fixture: every variant, every nested variant, what may be
//! absent both there and absent, and what may be erased both clear and erased.

use crate::chat::ChatEvent;
use crate::checkpoint::CheckpointEvent;
use crate::customer::{CustomerEvent, Destroyed, Profile, ProfileDraft};
use crate::instance::{DisconnectReason, InstanceEvent, LoggedOutBy};
use crate::job::{JobEvent, JobKind};
use crate::message::{Content, ContentType, FailureReason, MessageEvent, Participants};
use crate::testing::{at, uuid, value};
use crate::webhook::{
    DisableReason, Format, Origin, PausedBy, RateLimit, RetrySchedule, SettingsDraft, StartFrom, WebhookEvent,
};
use crate::workspace::{KeyOrigin, MessageRetention, Plan, Scope, WorkspaceEvent};
use crate::{
    ChatId, CheckpointId, CustomerId, InstanceId, JobId, KeyId, MessageId, Personal, Subject, WebhookId,
    WorkspaceId,
};

/// UUIDv7-like, and each different, so that no two are mixed up unseen.
const fn id(number: u128) -> uuid::Uuid {
    uuid(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

const WORKSPACE: WorkspaceId = WorkspaceId::new(id(1));
const KEY: KeyId = KeyId::new(id(2));
const OTHER_KEY: KeyId = KeyId::new(id(10));
const INSTANCE: InstanceId = InstanceId::new(id(3));
const CUSTOMER: CustomerId = CustomerId::new(id(4));
const CHAT: ChatId = ChatId::new(id(5));
const MESSAGE: MessageId = MessageId::new(id(6));
const ANSWERED: MessageId = MessageId::new(id(7));
const JOB: JobId = JobId::new(id(9));

pub fn workspace() -> Vec<WorkspaceEvent> {
    use WorkspaceEvent as E;

    let mut events =
        vec![E::WorkspaceCreated { workspace_id: WORKSPACE, slug: value("default"), plan: Plan::Unlimited }];
    events.extend(
        [Plan::Starter, Plan::Professional, Plan::Enterprise].map(|plan| E::WorkspacePlanChanged { plan }),
    );
    events.extend([
        E::KeyIssued {
            key_id: KEY,
            name: value("Admin"),
            scopes: vec![Scope::All],
            secret_sha256: "ab".repeat(32),
            expires_at: None,
            origin: KeyOrigin::Environment,
            prefix: None,
        },
        E::KeyIssued {
            key_id: KeyId::new(id(8)),
            name: value("Shop"),
            scopes: vec![
                Scope::CustomersRead,
                Scope::CustomersWrite,
                Scope::ChatsRead,
                Scope::ChatsWrite,
                Scope::MessagesRead,
                Scope::MessagesWrite,
                Scope::ChannelsRead,
                Scope::ChannelsWrite,
            ],
            secret_sha256: "cd".repeat(32),
            expires_at: Some(at(86_400)),
            origin: KeyOrigin::Issued,
            prefix: None,
        },
        E::KeyRevoked { key_id: KEY },
        E::WorkspaceRenamed { name: Some(value("Ana's Shop")) },
        E::WorkspaceRenamed { name: None },
        E::WorkspaceSuspended { reason: Some(value("The bill of May")) },
        E::WorkspaceSuspended { reason: None },
        E::WorkspaceResumed {},
        E::KeyIssued {
            key_id: OTHER_KEY,
            name: value("Admin"),
            scopes: vec![
                Scope::KeysRead,
                Scope::KeysWrite,
                Scope::WorkspacesRead,
                Scope::WorkspacesWrite,
                Scope::JobsRead,
                Scope::JobsWrite,
                Scope::WebhooksRead,
                Scope::WebhooksWrite,
                Scope::EventsRead,
                Scope::AuditRead,
                Scope::AuditWrite,
            ],
            secret_sha256: "12".repeat(32),
            expires_at: None,
            origin: KeyOrigin::Issued,
            prefix: Some("ifl_live_aB3d…xY7z".to_owned()),
        },
        E::KeyRotated {
            key_id: OTHER_KEY,
            secret_sha256: "34".repeat(32),
            prefix: Some("ifl_live_cD5e…zZ9a".to_owned()),
            previous_until: at(86_400),
        },
        E::KeyRotated {
            key_id: OTHER_KEY,
            secret_sha256: "56".repeat(32),
            prefix: None,
            previous_until: at(0),
        },
        E::KeyIssued {
            key_id: KEY,
            name: value("Privacy"),
            scopes: vec![Scope::CustomersErase],
            secret_sha256: "78".repeat(32),
            expires_at: None,
            origin: KeyOrigin::Issued,
            prefix: None,
        },
        E::RetentionChanged { message_days: MessageRetention::try_new(90).ok() },
        E::RetentionChanged { message_days: None },
        E::MessagesExpired {
            before: "2026-04-01".parse().unwrap(),
            data_keys: 12,
            messages: 340,
            webhook_attempts: 7,
        },
    ]);
    events
}

pub fn instance() -> Vec<InstanceEvent> {
    use InstanceEvent as E;

    let subject = Subject::Instance(INSTANCE);
    let mut events = vec![
        E::InstanceRegistered { instance_id: INSTANCE, name: value("user_id_001") },
        E::ConnectionRequested {},
        E::QrIssued { qr_sha256: "ef".repeat(32), expires_at: at(20) },
        E::PairingExpired {},
        E::InstancePaired { phone: None, lid: None },
        E::InstancePaired {
            phone: Some(Personal::new(subject, value("5511999999999"))),
            lid: Some(Personal::new(subject, value("123456789012345"))),
        },
        E::InstanceConnected { phone: None, lid: None, profile_name: None },
        E::InstanceConnected {
            phone: Some(Personal::new(subject, value("5511999999999"))),
            lid: Some(Personal::new(subject, value("123456789012345"))),
            profile_name: Some(Personal::new(subject, value("Ana's Shop"))),
        },
        E::InstanceConnected {
            phone: Some(Personal::Erased { subject }),
            lid: Some(Personal::Erased { subject }),
            profile_name: Some(Personal::Erased { subject }),
        },
    ];
    let reasons = [
        DisconnectReason::ConnectionLost,
        DisconnectReason::ServerStopped,
        DisconnectReason::RestartRequested,
        DisconnectReason::Replaced,
        DisconnectReason::TemporarilyBanned { code: "101".to_owned() },
        DisconnectReason::ClientOutdated,
        DisconnectReason::Refused { code: "403".to_owned() },
    ];
    events.extend(reasons.map(|reason| E::InstanceDisconnected { reason, at: None }));
    events.push(E::InstanceDisconnected { reason: DisconnectReason::ConnectionLost, at: Some(at(30)) });
    events.push(E::FlappingDetected { since: at(20), disconnects: 5 });
    events.extend([LoggedOutBy::Api, LoggedOutBy::Phone].map(|by| E::InstanceLoggedOut { by }));
    events.push(E::InstanceDeleted {});
    events.push(E::InstanceRenamed { name: value("user_id_002") });
    events
}

pub fn customer() -> Vec<CustomerEvent> {
    use CustomerEvent as E;

    let subject = Subject::Customer(CUSTOMER);
    let profile = ProfileDraft {
        name: Some(value("Ana María")),
        email: Some(value("Ana@example.com")),
        phone: Some(value("5511999999999")),
        external_id: Some(value("crm-7")),
        tags: [value("vip"), value("novo cliente")].into(),
        attributes: serde_json::from_str(
            r#"{"city":"Recife","orders":3,"paid":1.5,"more":{"a":[null,true]}}"#,
        )
        .unwrap(),
    };
    let forgotten = Profile {
        name: Some(Personal::Erased { subject }),
        email: Some(Personal::Erased { subject }),
        phone: Some(Personal::Erased { subject }),
        external_id: Some(Personal::Erased { subject }),
        tags: [value("vip")].into(),
        labels: None,
        attributes: Some(Personal::Erased { subject }),
    };
    // The first events have the labels in clear.
    let first = |draft: ProfileDraft| Profile {
        tags: draft.tags.clone(),
        labels: None,
        ..draft.belonging_to(CUSTOMER)
    };
    let destroyed = Destroyed {
        data_keys: vec![id(12), id(13)],
        messages: 7,
        chats: 1,
        sends: 2,
        webhook_attempts: 3,
        answers: 4,
        whatsapp_keys: 5,
    };
    let lid = Personal::new(subject, value("123456789012345"));
    vec![
        E::CustomerCreated { customer_id: CUSTOMER, profile: Profile::default(), lid: Some(lid.clone()) },
        E::CustomerCreated { customer_id: CUSTOMER, profile: first(profile.clone()), lid: None },
        E::CustomerCreated {
            customer_id: CUSTOMER,
            profile: forgotten.clone(),
            lid: Some(Personal::Erased { subject }),
        },
        E::CustomerUpdated { profile: first(profile.clone()) },
        E::PhoneLinked { phone: Personal::new(subject, value("4930123456")) },
        E::LidLinked { lid },
        E::CustomerNamed { name: Personal::new(subject, value("Ana 🌻")) },
        E::CustomerDeleted {},
        E::CustomerCreated { customer_id: CUSTOMER, profile: profile.belonging_to(CUSTOMER), lid: None },
        E::CustomerUpdated {
            profile: Profile { tags: [].into(), labels: Some(Personal::Erased { subject }), ..forgotten },
        },
        E::CustomerErased { reason: Some(value("gdpr_art_17")), destroyed },
        E::CustomerErased { reason: None, destroyed: Destroyed::default() },
    ]
}

pub fn chat() -> Vec<ChatEvent> {
    use ChatEvent as E;

    vec![
        E::ChatOpened { chat_id: CHAT, instance_id: INSTANCE, customer_id: CUSTOMER },
        E::ChatAssigned { assignee: Some(value("Bia")) },
        E::ChatAssigned { assignee: None },
        E::ChatSnoozed { until: Some(at(3_600)) },
        E::ChatSnoozed { until: None },
        E::ChatClosed {},
        E::ChatReopened {},
        E::ChatRead { up_to: MESSAGE },
    ]
}

pub fn message() -> Vec<MessageEvent> {
    use MessageEvent as E;

    let subject = Subject::Customer(CUSTOMER);
    let participants = Participants { chat_id: CHAT, instance_id: INSTANCE, customer_id: CUSTOMER };
    let number = Personal::new(subject, value("5511999999999"));
    let text = Personal::new(subject, Content::Text { text: value("Olá!\n\"two\" lines 🌻") });
    let text = (text, ContentType::Text);
    let unsupported = Personal::new(subject, Content::Unsupported { kind: "pollCreationMessage".to_owned() });
    let unsupported = (unsupported, ContentType::Unsupported);
    let forgotten = |content_type| (Personal::Erased { subject }, content_type);
    // The first events have what was said under the customer's own keys.
    let said = |content: Content| {
        let content_type = content.content_type();
        (Personal::new(Subject::Messages(CUSTOMER), content), content_type)
    };
    let whatsapp_id = "3EB0C767D097B7C7C030".to_owned();
    let queued = |to, (content, content_type), reply_to, job_id| E::MessageQueued {
        message_id: MESSAGE,
        participants,
        to,
        content,
        content_type,
        whatsapp_id: whatsapp_id.clone(),
        reply_to,
        deadline: at(60),
        job_id,
    };
    let received = |from, (content, content_type)| E::MessageReceived {
        message_id: MESSAGE,
        participants,
        from,
        content,
        content_type,
        whatsapp_id: whatsapp_id.clone(),
        sent_at: at(1),
    };
    let echoed = |to, (content, content_type)| E::MessageEchoed {
        message_id: MESSAGE,
        participants,
        to,
        content,
        content_type,
        whatsapp_id: whatsapp_id.clone(),
        sent_at: at(1),
    };
    let mut events = vec![
        queued(number.clone(), text.clone(), None, None),
        queued(Personal::Erased { subject }, forgotten(ContentType::Text), Some(ANSWERED), None),
        E::MessageSent { at: at(2) },
        E::MessageDelivered { at: at(3) },
        E::MessageRead { at: at(4) },
        E::MessagePlayed { at: at(5) },
    ];
    let reasons = [
        FailureReason::DeadlineExceeded,
        FailureReason::NotOnWhatsapp,
        FailureReason::Refused { code: "463".to_owned() },
        FailureReason::LoggedOut,
        FailureReason::InstanceDeleted,
    ];
    events.extend(reasons.map(|reason| E::MessageFailed { reason }));
    events.extend([
        received(Some(number.clone()), text.clone()),
        received(None, unsupported.clone()),
        received(Some(Personal::Erased { subject }), forgotten(ContentType::Unsupported)),
        echoed(Some(number.clone()), text.clone()),
        echoed(None, unsupported),
        echoed(Some(Personal::Erased { subject }), forgotten(ContentType::Text)),
        queued(number.clone(), text, None, Some(JOB)),
        E::MessageFailed { reason: FailureReason::Cancelled },
        E::MessageFailed { reason: FailureReason::CustomerErased },
        E::MessageFailed { reason: FailureReason::Expired },
        received(Some(number), said(Content::Text { text: value("Olá!") })),
    ]);
    events
}

pub fn job() -> Vec<JobEvent> {
    use JobEvent as E;

    let created = |instance_id| E::JobCreated {
        job_id: JOB,
        kind: JobKind::BulkSend,
        instance_id,
        total: 3,
        expires_at: at(86_400),
    };
    vec![
        created(Some(INSTANCE)),
        created(None),
        E::JobFilled { accepted: 2, rejected: 1 },
        E::JobAbandoned {},
        E::JobCancelled {},
        E::JobCompleted {},
    ]
}

pub fn webhook() -> Vec<WebhookEvent> {
    use WebhookEvent as E;

    let webhook_id = WebhookId::new(id(11));
    let subject = Subject::Webhook(webhook_id);
    let secret = |letter: &str| Personal::new(subject, value(&format!("whsec_{}=", letter.repeat(43))));
    let full = SettingsDraft {
        url: value("https://example.com/hook?key=1"),
        description: Some(value("CRM")),
        format: Format::Standard,
        schema_version: 1,
        events: [value("message.received"), value("chat.*")].into(),
        channels: [INSTANCE].into(),
        headers: [(value("Authorization"), value("Bearer x"))].into(),
        rate_limit: RateLimit::try_new(50).ok(),
        schedule: RetrySchedule::try_new(vec![0, 5, 300]).ok(),
        by_events: false,
    };
    let full = full.belonging_to(webhook_id);
    let bare = SettingsDraft {
        url: value("http://localhost:3000/webhook/evolution"),
        description: None,
        format: Format::Evolution,
        schema_version: 1,
        events: [].into(),
        channels: [].into(),
        headers: [].into(),
        rate_limit: None,
        schedule: None,
        by_events: true,
    };
    let bare = bare.belonging_to(webhook_id);
    let mut forgotten = bare.clone();
    forgotten.url = Personal::Erased { subject };
    forgotten.headers = Some(Personal::Erased { subject });
    let created = |settings, secret, start_from, origin| E::WebhookCreated {
        webhook_id,
        settings,
        secret,
        start_from,
        origin,
    };
    let mut events = vec![
        created(full.clone(), secret("A"), StartFrom::Now, Origin::Api),
        created(bare, secret("A"), StartFrom::Position { position: 7 }, Origin::Environment),
        created(forgotten, Personal::Erased { subject }, StartFrom::Time { at: at(60) }, Origin::Api),
        E::WebhookUpdated { settings: full },
    ];
    events.extend([PausedBy::Caller, PausedBy::Backlog].map(|by| E::WebhookPaused { by }));
    events.push(E::WebhookResumed {});
    let reasons = [DisableReason::Gone, DisableReason::ReceiversWord, DisableReason::Failing];
    events.extend(reasons.map(|reason| E::WebhookDisabled { reason }));
    events.extend([
        E::WebhookEnabled {},
        E::SecretRotated { secret: secret("B"), at: at(60), overlap_until: at(86_460) },
        E::WebhookDeleted {},
    ]);
    events
}

pub fn checkpoint() -> Vec<CheckpointEvent> {
    vec![CheckpointEvent::CheckpointAnchored {
        checkpoint_id: CheckpointId::new(id(12)),
        size: 4711,
        root: "nND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeM=".to_owned(),
        note: "interflow/wsp_1/1f0c96e2\n4711\nnND/nri/U0xuHUrYSy0HtMeal2vzD9V4k/BO79C+QeM=\n\n\u{2014} interflow/wsp_1/1f0c96e2 AAAA\n"
            .to_owned(),
    }]
}
