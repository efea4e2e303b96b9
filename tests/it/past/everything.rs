//! A log is played, and beside it a second workspace is made to show, event by event, what the first showed then: whatever
//! is asked of the first as of a position must be what the second shows at that moment.

use std::fmt::Debug;

use interflow_application::ChannelRef;
use interflow_application::log::{Event, EventLog, RecordedEvent, StreamId};
use interflow_application::past::{Past, PastReads, Shown, Thing};
use interflow_application::read::{
    Assigned, ChatFilter, ChatSort, CustomerFilter, CustomerSort, Listing, MessageFilter, MessageSort,
    PageRequest, Reads, Sort, SortKey, Start, TimeRange, Window,
};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::{ContentType, Direction, MessageEvent, MessageStatus};
use interflow_domain::{ChatId, CustomerId, InstanceId, InstanceName, MessageId, WorkspaceId};
use interflow_infrastructure::read_models::{self, PgPast, PgReads};
use sqlx::PgPool;
use uuid::Uuid;

use super::{items, past};
use crate::event_log::fixture::Fixture;
use crate::projections::play;
use crate::read_models::history::{Attempt, History};

/// A workspace with a log, and one that shows what it showed at a position.
struct Twins {
    log: WorkspaceId,
    shown: WorkspaceId,
    past: PgPast,
    reads: PgReads,
    at: u64,
    known: Known,
}

#[derive(Default)]
struct Known {
    customers: Vec<CustomerId>,
    chats: Vec<ChatId>,
    messages: Vec<MessageId>,
    instances: Vec<InstanceId>,
    names: Vec<InstanceName>,
}

impl Known {
    fn note(&mut self, recorded: &RecordedEvent) {
        use interflow_domain::instance::InstanceEvent as I;

        match (recorded.stream, recorded.version) {
            (StreamId::Customer(id), 1) => self.customers.push(id),
            (StreamId::Chat(id), 1) => self.chats.push(id),
            (StreamId::Message(id), 1) => self.messages.push(id),
            (StreamId::Instance(id), 1) => self.instances.push(id),
            _ => {}
        }
        if let Event::Instance(I::InstanceRegistered { name, .. } | I::InstanceRenamed { name }) =
            &recorded.event
        {
            self.names.push(name.clone());
        }
    }
}

fn thing_of(stream: StreamId) -> Option<Thing> {
    match stream {
        StreamId::Customer(id) => Some(Thing::Customer(id)),
        StreamId::Chat(id) => Some(Thing::Chat(id)),
        StreamId::Message(id) => Some(Thing::Message(id)),
        StreamId::Instance(id) => Some(Thing::Channel(id)),
        StreamId::Webhook(id) => Some(Thing::Webhook(id)),
        StreamId::Workspace(_) | StreamId::Job(_) | StreamId::Checkpoint(_) => None,
    }
}

fn some<T: Copy>(of: &[T], which: u64) -> Option<T> {
    (!of.is_empty()).then(|| of[which as usize % of.len()])
}

fn same<T: PartialEq + Debug>(what: &str, at: u64, past: Option<Past<T>>, shown: Option<T>) {
    assert_eq!(past.map(|past| past.item), shown, "{what} as of {at}");
}

impl Twins {
    async fn step(&mut self, pool: &PgPool, event: &RecordedEvent) {
        let mut connection = pool.acquire().await.unwrap();
        read_models::apply(&mut connection, self.shown, 1, std::slice::from_ref(event)).await.unwrap();
        self.at = event.position;
        self.known.note(event);
    }

    async fn customer(&self, id: CustomerId) {
        let past = self.past.customer(self.log, self.at, id).await.unwrap();
        same("customer", self.at, past, self.reads.customer(self.shown, id).await.unwrap());
    }

    async fn chat(&self, id: ChatId) {
        let past = self.past.chat(self.log, self.at, id).await.unwrap();
        same("chat", self.at, past, self.reads.chat(self.shown, id).await.unwrap());
    }

    async fn message(&self, id: MessageId) {
        let past = self.past.message(self.log, self.at, id).await.unwrap();
        same("message", self.at, past, self.reads.message(self.shown, id).await.unwrap());
    }

    async fn channel(&self, channel: ChannelRef) {
        let past = self.past.channel(self.log, self.at, &channel).await.unwrap();
        same("channel", self.at, past, channel.find(&self.reads, self.shown).await.ok());
    }

    /// What it happened to before and after it is what it was as of these two positions.
    async fn along(&self, event: &RecordedEvent) {
        let (thing, at) = (thing_of(event.stream), [self.at, self.at - 1]);
        let Some(thing) = thing else { return };
        let along = self.past.shown(self.log, thing, &at).await.unwrap();
        for (at, past) in at.into_iter().zip(along) {
            let alone =
                self.past.each(self.log, at, &[Thing::Customer(CustomerId::default()), thing]).await.unwrap();
            assert_eq!(alone, [None, past], "{thing:?} as of {at}");
        }
        let now = self.past.shown(self.log, thing, &at[..1]).await.unwrap().remove(0).map(|past| past.item);
        let shown = match thing {
            Thing::Customer(id) => self.reads.customer(self.shown, id).await.unwrap().map(Shown::Customer),
            Thing::Chat(id) => self.reads.chat(self.shown, id).await.unwrap().map(Shown::Chat),
            Thing::Message(id) => self.reads.message(self.shown, id).await.unwrap().map(Shown::Message),
            Thing::Channel(id) => self.reads.channel(self.shown, id).await.unwrap().map(Shown::Channel),
            _ => return,
        };
        assert_eq!(now, shown, "{thing:?} as of {}", self.at);
    }

    /// What the event happened to, and something of each kind besides.
    async fn each(&self, event: &RecordedEvent) {
        match event.stream {
            StreamId::Customer(id) => self.customer(id).await,
            StreamId::Chat(id) => self.chat(id).await,
            StreamId::Message(id) => self.message(id).await,
            StreamId::Instance(id) => self.channel(ChannelRef::id(id)).await,
            _ => {}
        }
        if let Event::Message(
            MessageEvent::MessageQueued { participants, .. }
            | MessageEvent::MessageReceived { participants, .. }
            | MessageEvent::MessageEchoed { participants, .. },
        ) = &event.event
        {
            self.chat(participants.chat_id).await;
        }
        self.along(event).await;
        let which = self.at.wrapping_mul(2_654_435_761) >> 7;
        match self.at % 4 {
            0 => self.customer(some(&self.known.customers, which).unwrap_or_default()).await,
            1 => self.chat(some(&self.known.chats, which).unwrap_or_default()).await,
            2 => self.message(some(&self.known.messages, which).unwrap_or_default()).await,
            _ if self.known.names.is_empty() => {}
            _ => {
                let name = &self.known.names[which as usize % self.known.names.len()];
                self.channel(ChannelRef::name(name.clone())).await;
                self.channel(ChannelRef::id(some(&self.known.instances, which).unwrap())).await;
            }
        }
    }
}

/// Each page of a list in the past and in what is shown, by cursor and by number.
macro_rules! every_page {
    ($twins:expr, $list:ident, $key:ty, $filters:expr) => {
        for filter in $filters {
            for (_, key) in <$key>::NAMES {
                for descending in [true, false] {
                    let sort = Sort { key: *key, descending };
                    let first = Listing { sort, ..Listing::first(filter.clone(), 4) };
                    let what = format!("{} by {sort} of {filter:?} as of {}", stringify!($list), $twins.at);
                    let mut listing = first.clone();
                    for _ in 0..4 {
                        let past = $twins.past.$list($twins.log, $twins.at, &listing).await.unwrap();
                        let shown = $twins.reads.$list($twins.shown, &listing).await.unwrap();
                        let past = items(past);
                        assert_eq!(past, shown, "{what}");
                        let Some(next) = shown.next else { break };
                        listing.start = Start::After(next);
                    }
                    listing.start = Start::Page(2);
                    let past = items($twins.past.$list($twins.log, $twins.at, &listing).await.unwrap());
                    let shown = $twins.reads.$list($twins.shown, &listing).await.unwrap();
                    assert_eq!(past, shown, "page 2 of {what}");
                }
            }
        }
    };
}

impl Twins {
    async fn lists(&self, events: &[RecordedEvent]) {
        let middle = events[events.len() / 2].recorded_at;
        let before = TimeRange { after: None, before: Some(middle) };
        let after = TimeRange { after: Some(middle), before: None };
        every_page!(self, customers, CustomerSort, customer_filters(before, after));
        every_page!(self, chats, ChatSort, self.chat_filters(before, after));
        every_page!(self, messages, MessageSort, self.message_filters(before, after));
        for window in [Window::Number(1), Window::Number(2)] {
            let page = PageRequest { window, size: 3 };
            let past = self.past.channels(self.log, self.at, page).await.unwrap();
            let shown = self.reads.channels(self.shown, page).await.unwrap();
            let past_items: Vec<_> = past.items.into_iter().map(|past| past.item).collect();
            assert_eq!((past_items, past.total, past.next), (shown.items, shown.total, shown.next));
        }
    }

    fn chat_filters(&self, before: TimeRange, after: TimeRange) -> Vec<ChatFilter> {
        let all = ChatFilter::default;
        let mut filters = vec![
            all(),
            ChatFilter { status: Some(ChatStatus::Closed), ..all() },
            ChatFilter { status: Some(ChatStatus::Snoozed), unread: Some(false), ..all() },
            ChatFilter { assigned: Some(Assigned::ToNobody), ..all() },
            ChatFilter { assigned: "agent 4".parse().ok(), ..all() },
            ChatFilter { unread: Some(true), active: before, ..all() },
            ChatFilter { active: after, ..all() },
        ];
        if let (Some(customer), Some(name)) = (some(&self.known.customers, self.at), self.known.names.first())
        {
            filters.push(ChatFilter { customer: Some(customer), ..all() });
            let channel = some(&self.known.instances, self.at).map(ChannelRef::id);
            filters.push(ChatFilter { channel, unread: Some(false), ..all() });
            filters.push(ChatFilter { channel: Some(ChannelRef::name(name.clone())), ..all() });
        }
        filters
    }

    fn message_filters(&self, before: TimeRange, after: TimeRange) -> Vec<MessageFilter> {
        let all = MessageFilter::default;
        let chat = some(&self.known.chats, self.at);
        vec![
            all(),
            MessageFilter { status: Some(MessageStatus::Delivered), ..all() },
            // In general those that are queued are known by the outbox, which this has not.
            MessageFilter { status: Some(MessageStatus::Queued), chat, ..all() },
            MessageFilter { status: Some(MessageStatus::Failed), ..all() },
            MessageFilter {
                status: Some(MessageStatus::Read),
                direction: Some(Direction::Outbound),
                ..all()
            },
            MessageFilter { chat, ..all() },
            MessageFilter { chat, direction: Some(Direction::Inbound), ..all() },
            MessageFilter { customer: some(&self.known.customers, self.at), created: before, ..all() },
            MessageFilter { channel: some(&self.known.instances, self.at).map(ChannelRef::id), ..all() },
            MessageFilter { kind: Some(ContentType::Unsupported), created: after, ..all() },
        ]
    }
}

fn customer_filters(before: TimeRange, after: TimeRange) -> Vec<CustomerFilter> {
    let all = CustomerFilter::default;
    vec![
        all(),
        CustomerFilter { phone: "5511999999904".parse().ok(), ..all() },
        CustomerFilter { email: "C10@EXAMPLE.com".parse().ok(), ..all() },
        CustomerFilter { external_id: "external \"quoted\", {braces}".parse().ok(), ..all() },
        CustomerFilter { tags: ["vip", "c,d"].iter().map(|tag| tag.parse().unwrap()).collect(), ..all() },
        CustomerFilter { words: "custo 1".parse().ok(), ..all() },
        CustomerFilter { words: "LEARNED".parse().ok(), updated: after, ..all() },
        CustomerFilter { created: before, ..all() },
        CustomerFilter { created: after, updated: after, ..all() },
    ]
}

async fn twins(attempts: &[Attempt]) -> (Fixture, Twins, Vec<RecordedEvent>) {
    let fixture = Fixture::new().await;
    play(&fixture.log, fixture.workspace, History::of(attempts).events).await;
    let mut events = vec![];
    loop {
        let more = fixture.log.read(fixture.workspace, events.len() as u64, 1_000).await.unwrap();
        if more.is_empty() {
            break;
        }
        events.extend(more);
    }
    let shown = WorkspaceId::new(Uuid::from_u128(7));
    let head = "INSERT INTO heads (workspace_id) VALUES ($1)";
    sqlx::query(head).bind(shown.uuid()).execute(&fixture.pool).await.unwrap();
    let twins = Twins {
        log: fixture.workspace,
        shown,
        past: past(&fixture),
        reads: PgReads::new(fixture.pool.clone()),
        at: 0,
        known: Known::default(),
    };
    (fixture, twins, events)
}

fn attempts(count: u32) -> Vec<Attempt> {
    (0..count).map(|n| (n as u8, (n / 5) as u8, (n.wrapping_mul(2_654_435_761) >> 19) as u8)).collect()
}

#[tokio::test]
async fn what_is_shown_as_of_a_position_is_what_was_shown_then() {
    let (fixture, mut twins, events) = twins(&attempts(700)).await;
    assert!(events.len() > 500, "{}", events.len());
    for event in &events {
        twins.step(&fixture.pool, event).await;
        twins.each(event).await;
    }
}

#[tokio::test]
async fn lists_as_of_a_position_are_what_was_listed_then() {
    let (fixture, mut twins, events) = twins(&attempts(400)).await;
    let step = events.len() / 4;
    for (n, event) in events.iter().enumerate() {
        twins.step(&fixture.pool, event).await;
        if n % step == step - 1 || n + 1 == events.len() {
            twins.lists(&events[..=n]).await;
        }
    }
}
