//! Makes histories of a workspace as its aggregates would decide them, from numbers that say what somebody tries next.
//!
//! What is refused leaves no event, so any sequence of numbers is a history that can have happened.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_domain::chat::{Chat, ChatCommand};
use interflow_domain::customer::{Customer, CustomerCommand, ProfileDraft};
use interflow_domain::instance::{DisconnectReason, Instance, InstanceCommand, LoggedOutBy};
use interflow_domain::job::{Job, JobCommand, JobKind};
use interflow_domain::message::{
    Arrival, Content, FailureReason, Message, MessageCommand, Participants, Receipt,
};
use interflow_domain::webhook::{
    DisableReason, Format, Origin, PausedBy, SettingsDraft, StartFrom, Webhook, WebhookCommand,
};
use interflow_domain::workspace::{KeyOrigin, Plan, Scope, Workspace, WorkspaceCommand};
use interflow_domain::{
    ChatId, CustomerId, Decide, EventId, InstanceId, JobId, KeyId, MessageId, PhoneNumber, WebhookId,
    WorkspaceId,
};
use serde_json::json;
use uuid::Uuid;

/// What somebody tries, on which of the things there are, and how.
pub type Attempt = (u8, u8, u8);

/// A workspace and what happened in it.
#[derive(Default)]
pub struct History {
    pub events: Vec<RecordedEvent>,
    pub instances: Vec<InstanceId>,
    pub customers: Vec<CustomerId>,
    pub chats: Vec<ChatId>,
    pub messages: Vec<MessageId>,
    pub jobs: Vec<JobId>,
    states: States,
    ids: u128,
}

#[derive(Default)]
struct States {
    workspace: Workspace,
    instances: Vec<Instance>,
    customers: Vec<Customer>,
    chats: Vec<Chat>,
    messages: Vec<Message>,
    jobs: Vec<Job>,
    versions: std::collections::BTreeMap<StreamId, u64>,
}

impl History {
    pub fn of(attempts: &[Attempt]) -> Self {
        let mut history = Self::default();
        history.create_workspace();
        for attempt in attempts {
            history.attempt(*attempt);
        }
        if !attempts.is_empty() {
            history.make_webhooks(attempts.len());
        }
        history
    }

    /// Webhooks in every state they can be in.
    fn make_webhooks(&mut self, how: usize) {
        use WebhookCommand as C;

        let by = PausedBy::Backlog;
        let disable = || C::DisableWebhook { reason: DisableReason::Failing };
        let lives = [
            vec![],
            vec![C::PauseWebhook { by }],
            vec![C::PauseWebhook { by }, C::RecordBacklogCleared],
            vec![disable()],
            vec![disable(), C::EnableWebhook],
            vec![C::DeleteWebhook],
        ];
        for (n, life) in lives.into_iter().enumerate() {
            let webhook_id = WebhookId::new(self.id());
            let start_from = match (how + n) % 3 {
                0 => StartFrom::Now,
                1 => StartFrom::Position { position: 7 },
                _ => StartFrom::Time { at: self.now() },
            };
            let create = C::CreateWebhook {
                webhook_id,
                settings: settings(&format!("https://example.com/{n}")),
                secret: format!("whsec_{}", "A".repeat(32)).parse().unwrap(),
                start_from,
                origin: if n == 0 { Origin::Environment } else { Origin::Api },
            };
            let mut webhook = Webhook::default();
            for command in [create].into_iter().chain(life) {
                let events = webhook.decide(command);
                self.keep(StreamId::Webhook(webhook_id), events, |_, event| apply(&mut webhook, event));
            }
        }
    }

    pub fn create_workspace(&mut self) {
        let workspace_id = WorkspaceId::new(self.id());
        let slug = "main".parse().unwrap();
        self.workspace(WorkspaceCommand::CreateWorkspace { workspace_id, slug, plan: Plan::Unlimited });
    }

    /// A chat with what it needs: instance, customer, chat.
    pub fn begin_chat(&mut self) -> ChatId {
        self.register(0);
        self.create_customer(0);
        self.open_chat(self.instances.len() - 1, self.customers.len() - 1);
        self.chats[self.chats.len() - 1]
    }

    fn attempt(&mut self, (what, which, how): Attempt) {
        let pick = |len: usize| (len > 0).then(|| usize::from(which) % len.max(1));
        match what % 18 {
            0 => self.register(how),
            1 => self.create_customer(how),
            2 | 3 if !self.instances.is_empty() && !self.customers.is_empty() => {
                self.open_chat(
                    usize::from(which) % self.instances.len(),
                    usize::from(how) % self.customers.len(),
                );
            }
            4 => drop(pick(self.customers.len()).map(|at| self.change_customer(at, how))),
            5..=7 => drop(pick(self.instances.len()).map(|at| self.change_instance(at, how))),
            8 => drop(pick(self.chats.len()).map(|at| self.change_chat(at, how))),
            9 => drop(pick(self.chats.len()).map(|at| self.read_chat(at, how))),
            10 | 11 => drop(pick(self.chats.len()).map(|at| self.receive(at))),
            12 => drop(pick(self.chats.len()).map(|at| self.queue(at, None))),
            13 => drop(pick(self.chats.len()).map(|at| self.echo(at))),
            14 => drop(pick(self.messages.len()).map(|at| self.move_message_on(at, how))),
            15 => drop(pick(self.chats.len()).map(|at| self.queue_for_a_job(at, how))),
            16 => self.change_jobs(how),
            _ if which.is_multiple_of(4) => self.change_workspace(how),
            _ => self.change_keys(how),
        }
    }

    pub fn register(&mut self, how: u8) {
        let instance_id = InstanceId::new(self.id());
        let name = format!("instance_{how}_{}", self.ids).parse().unwrap();
        self.instances.push(instance_id);
        self.states.instances.push(Instance::default());
        let command = InstanceCommand::RegisterInstance { instance_id, name };
        self.instance(self.instances.len() - 1, command);
    }

    pub fn create_customer(&mut self, how: u8) {
        let customer_id = CustomerId::new(self.id());
        self.customers.push(customer_id);
        self.states.customers.push(Customer::default());
        let lid = how.is_multiple_of(2).then(|| self.ids.to_string().parse().unwrap());
        let profile = draft(how);
        self.customer(
            self.customers.len() - 1,
            CustomerCommand::CreateCustomer { customer_id, profile, lid },
        );
    }

    pub fn open_chat(&mut self, instance: usize, customer: usize) {
        let chat_id = ChatId::new(self.id());
        self.chats.push(chat_id);
        self.states.chats.push(Chat::default());
        let (instance_id, customer_id) = (self.instances[instance], self.customers[customer]);
        self.chat(self.chats.len() - 1, ChatCommand::OpenChat { chat_id, instance_id, customer_id });
    }

    pub fn change_customer(&mut self, at: usize, how: u8) {
        let command = match how % 4 {
            0 => CustomerCommand::DeleteCustomer,
            1 => CustomerCommand::LearnIdentity {
                phone: Some(phone(how)),
                lid: Some("77".parse().unwrap()),
                name: Some("Learned".parse().unwrap()),
            },
            _ => CustomerCommand::UpdateCustomer { profile: draft(how) },
        };
        self.customer(at, command);
    }

    pub fn change_instance(&mut self, at: usize, how: u8) {
        use InstanceCommand as C;
        let at_this_time = self.now();
        let ended = |reason| C::RecordDisconnected { reason, at: at_this_time };
        let command = match how % 12 {
            0 | 1 => C::RequestConnection,
            2 | 3 => C::RecordQr { qr_sha256: format!("{how:064x}"), expires_at: self.now() },
            4 => C::RecordPairingExpired,
            5 | 6 => C::RecordPaired { phone: Some(phone(how)), lid: None },
            7 | 8 => {
                C::RecordConnected { phone: None, lid: None, profile_name: Some("Shop".parse().unwrap()) }
            }
            9 => ended(DisconnectReason::ConnectionLost),
            10 => ended(DisconnectReason::Replaced),
            _ if how.is_multiple_of(5) => C::DeleteInstance,
            _ if how.is_multiple_of(7) => {
                C::RenameInstance { name: format!("renamed_{how}").parse().unwrap() }
            }
            _ => C::RecordLoggedOut { by: LoggedOutBy::Phone },
        };
        self.instance(at, command);
    }

    pub fn change_chat(&mut self, at: usize, how: u8) {
        let command = match how % 5 {
            0 => ChatCommand::CloseChat,
            1 => ChatCommand::ReopenChat,
            2 => ChatCommand::SnoozeChat { until: Some(self.now()) },
            3 => ChatCommand::AssignChat { assignee: None },
            _ => ChatCommand::AssignChat { assignee: Some(format!("agent {how}").parse().unwrap()) },
        };
        self.chat(at, command);
    }

    /// Reads a chat up to some message, which may be another chat's, or none at all.
    pub fn read_chat(&mut self, at: usize, how: u8) {
        let known = self.messages.len();
        let up_to = self.messages.get(usize::from(how) % (known + 1)).copied();
        let up_to = up_to.unwrap_or_else(|| MessageId::new(self.id()));
        self.chat(at, ChatCommand::ReadChat { up_to });
    }

    pub fn receive(&mut self, chat: usize) {
        let arrival = self.arrival(chat);
        self.message(arrival.message_id, MessageCommand::ReceiveMessage(arrival));
    }

    pub fn echo(&mut self, chat: usize) {
        let arrival = self.arrival(chat);
        self.message(arrival.message_id, MessageCommand::EchoMessage(arrival));
    }

    pub fn queue(&mut self, chat: usize, job_id: Option<JobId>) {
        let Arrival { message_id, participants, content, whatsapp_id, sent_at, .. } = self.arrival(chat);
        let reply_to = self.messages.first().copied();
        let to = phone(1);
        let queue = MessageCommand::QueueMessage {
            message_id,
            participants,
            to,
            content,
            whatsapp_id,
            reply_to,
            deadline: sent_at,
            job_id,
        };
        self.message(message_id, queue);
    }

    /// A message of a job that takes some.
    pub fn queue_for_a_job(&mut self, chat: usize, how: u8) {
        let open = self.jobs.iter().zip(&self.states.jobs).filter(|(_, job)| job.takes_items());
        let open: Vec<_> = open.map(|(id, _)| *id).collect();
        if !open.is_empty() {
            self.queue(chat, Some(open[usize::from(how) % open.len()]));
        }
    }

    /// Makes a job, or moves one on.
    pub fn change_jobs(&mut self, how: u8) {
        let at = usize::from(how / 8) % (self.jobs.len() + 1);
        let command = match how % 8 {
            _ if at == self.jobs.len() => {
                let job_id = JobId::new(self.id());
                self.jobs.push(job_id);
                self.states.jobs.push(Job::default());
                let (kind, instance_id) = (JobKind::BulkSend, self.instances.last().copied());
                JobCommand::CreateJob { job_id, kind, instance_id, total: 9, expires_at: self.now() }
            }
            0 => JobCommand::FillJob { accepted: 1, rejected: 8 },
            1 => JobCommand::AbandonJob,
            2 => JobCommand::CancelJob,
            3 => JobCommand::CompleteJob,
            _ => return,
        };
        let events = self.states.jobs[at].decide(command);
        self.keep(StreamId::Job(self.jobs[at]), events, |states, event| apply(&mut states.jobs[at], event));
    }

    pub fn move_message_on(&mut self, at: usize, how: u8) {
        let when = self.now();
        let receipt = |receipt| MessageCommand::RecordReceipt { receipt, at: when };
        let command = match how % 5 {
            0 => MessageCommand::RecordSent { at: when },
            1 => receipt(Receipt::Delivered),
            2 => receipt(Receipt::Read),
            3 => receipt(Receipt::Played),
            _ if how < 128 => MessageCommand::FailMessage { reason: FailureReason::DeadlineExceeded },
            _ => MessageCommand::FailMessage { reason: FailureReason::Cancelled },
        };
        let id = self.messages[at];
        let events = self.states.messages[at].decide(command);
        self.keep(StreamId::Message(id), events, |states, event| apply(&mut states.messages[at], event));
    }

    pub fn change_keys(&mut self, how: u8) {
        let keys: Vec<_> = self.states.workspace.keys().iter().map(|key| key.key_id).collect();
        let at = self.now();
        match keys.get(usize::from(how) % (keys.len() + 2)) {
            Some(key_id) if how.is_multiple_of(5) => {
                self.workspace(WorkspaceCommand::RevokeKey { key_id: *key_id, at });
            }
            Some(key_id) => self.rotate_key(*key_id),
            None => self.issue_key(how),
        }
    }

    pub fn rotate_key(&mut self, key_id: KeyId) {
        let (at, overlap) = (self.now(), Duration::hours(1));
        self.id();
        let (secret_sha256, prefix) = (secret_sha256(self.ids), Some(format!("ifl_live_{}", self.ids)));
        let rotated_by = None;
        self.workspace(WorkspaceCommand::RotateKey {
            key_id,
            secret_sha256,
            prefix,
            at,
            overlap,
            rotated_by,
        });
    }

    pub fn change_workspace(&mut self, how: u8) {
        let named = how.is_multiple_of(2).then(|| format!("Workspace {how}").parse().unwrap());
        self.workspace(match how % 5 {
            0 => WorkspaceCommand::SuspendWorkspace { reason: Some("Unpaid".parse().unwrap()) },
            1 => WorkspaceCommand::ResumeWorkspace,
            2 => WorkspaceCommand::ChangePlan { plan: Plan::ALL[usize::from(how) % 4] },
            _ => WorkspaceCommand::RenameWorkspace { name: named },
        });
    }

    pub fn issue_key(&mut self, how: u8) {
        let key_id = KeyId::new(self.id());
        let scopes: BTreeSet<_> =
            [Scope::All, Scope::ChatsRead].into_iter().take(1 + usize::from(how % 2)).collect();
        self.workspace(WorkspaceCommand::IssueKey {
            key_id,
            name: "key".parse().unwrap(),
            scopes: scopes.into_iter().collect(),
            secret_sha256: secret_sha256(self.ids),
            expires_at: None,
            origin: if how.is_multiple_of(3) { KeyOrigin::Environment } else { KeyOrigin::Issued },
            prefix: how.is_multiple_of(2).then(|| format!("ifl_live_{how}")),
            issued_by: None,
        });
    }

    fn arrival(&mut self, chat: usize) -> Arrival {
        let state = &self.states.chats[chat];
        let participants = Participants {
            chat_id: self.chats[chat],
            instance_id: state.instance_id().unwrap_or_default(),
            customer_id: state.customer_id().unwrap_or_default(),
        };
        let message_id = MessageId::new(self.id());
        let text = format!("message {} {}", self.ids, "é".repeat(self.ids as usize % 120));
        let content = match self.ids % 5 {
            0 => Content::Unsupported { kind: "image".to_owned() },
            _ => Content::Text { text: text.parse().unwrap() },
        };
        let whatsapp_id = format!("WA{}", self.ids);
        let sent_at = self.now();
        Arrival { message_id, participants, phone: Some(phone(3)), content, whatsapp_id, sent_at }
    }

    fn workspace(&mut self, command: WorkspaceCommand) {
        let events = self.states.workspace.decide(command);
        let stream = StreamId::Workspace(WorkspaceId::default());
        self.keep(stream, events, |states, event| apply(&mut states.workspace, event));
    }

    fn instance(&mut self, at: usize, command: InstanceCommand) {
        let events = self.states.instances[at].decide(command);
        let stream = StreamId::Instance(self.instances[at]);
        self.keep(stream, events, |states, event| apply(&mut states.instances[at], event));
    }

    fn customer(&mut self, at: usize, command: CustomerCommand) {
        let events = self.states.customers[at].decide(command);
        let stream = StreamId::Customer(self.customers[at]);
        self.keep(stream, events, |states, event| apply(&mut states.customers[at], event));
    }

    fn chat(&mut self, at: usize, command: ChatCommand) {
        let events = self.states.chats[at].decide(command);
        self.keep(StreamId::Chat(self.chats[at]), events, |states, event| {
            apply(&mut states.chats[at], event)
        });
    }

    fn message(&mut self, id: MessageId, command: MessageCommand) {
        self.messages.push(id);
        self.states.messages.push(Message::default());
        let at = self.messages.len() - 1;
        let events = self.states.messages[at].decide(command);
        self.keep(StreamId::Message(id), events, |states, event| apply(&mut states.messages[at], event));
    }

    fn keep<E: Into<Event> + Clone, R>(
        &mut self,
        stream: StreamId,
        decided: Result<Vec<E>, R>,
        mut apply: impl FnMut(&mut States, E),
    ) {
        for event in decided.into_iter().flatten() {
            apply(&mut self.states, event.clone());
            let version = self.states.versions.entry(stream).or_default();
            *version += 1;
            let (version, position) = (*version, self.events.len() as u64 + 1);
            let (id, recorded_at) = (EventId::new(Uuid::from_u128(position.into())), self.now());
            self.events.push(RecordedEvent {
                id,
                position,
                stream,
                version,
                recorded_at,
                event: event.into(),
                metadata: interflow_application::metadata::Metadata::default(),
            });
        }
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// Moves on with every event, in steps finer than Postgres keeps.
    fn now(&self) -> DateTime<Utc> {
        let begin = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        begin + Duration::nanoseconds(1_000_001_789 * self.events.len() as i64)
    }
}

/// The hash of a secret nobody knows.
pub fn secret_sha256(number: u128) -> String {
    format!("{number:064x}")
}

fn apply<A: Decide>(state: &mut A, event: A::Event) {
    state.apply(event);
}

fn phone(how: u8) -> PhoneNumber {
    format!("55119999999{:02}", how % 100).parse().unwrap()
}

fn draft(how: u8) -> ProfileDraft {
    let attributes =
        json!({"how": how, "nul": "a\u{0}b", "number": 1.50, "nested": {"list": [null, true, "é"]}});
    ProfileDraft {
        name: (!how.is_multiple_of(3)).then(|| format!("Customer {how}").parse().unwrap()),
        email: (how % 5 < 2).then(|| format!("c{how}@example.com").parse().unwrap()),
        phone: (!how.is_multiple_of(5)).then(|| phone(how)),
        external_id: how.is_multiple_of(7).then(|| "external \"quoted\", {braces}".parse().unwrap()),
        tags: ["vip", "a \"b\"", "c,d", "{e}"]
            .iter()
            .take(usize::from(how % 5))
            .map(|t| t.parse().unwrap())
            .collect(),
        attributes: if how.is_multiple_of(2) {
            attributes.as_object().unwrap().clone()
        } else {
            serde_json::Map::new()
        },
    }
}

fn settings(url: &str) -> SettingsDraft {
    SettingsDraft {
        url: url.parse().unwrap(),
        description: None,
        format: Format::Standard,
        schema_version: 1,
        events: BTreeSet::new(),
        channels: BTreeSet::new(),
        headers: std::collections::BTreeMap::new(),
        rate_limit: None,
        schedule: None,
        by_events: false,
    }
}
