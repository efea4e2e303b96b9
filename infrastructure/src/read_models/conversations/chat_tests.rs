use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_application::read::{Chat, LastMessage};
use interflow_domain::chat::{ChatEvent as E, ChatStatus};
use interflow_domain::message::{Content, ContentType, Direction, MessageEvent};
use interflow_domain::{ChatId, MessageId, Personal};
use uuid::Uuid;

use super::{ChatRow, MessageRow, fold, needed};
use crate::read_models::rows::Rows;
use crate::read_models::testing::{
    CHAT, CUSTOMER, INSTANCE, PARTICIPANTS, Recorder, at, erased, of_customer, recorded_at, text,
};

/// A conversation, one event after the other.
struct Conversation {
    recorder: Recorder,
    chats: Rows<ChatId, ChatRow>,
    messages: Rows<MessageId, MessageRow>,
}

impl Conversation {
    fn begun() -> Self {
        let chats = Rows::loaded([], |row: &ChatRow| row.view.id);
        let messages = Rows::loaded([], |row: &MessageRow| row.view.id);
        let mut conversation = Self { recorder: Recorder::default(), chats, messages };
        conversation.chat(E::ChatOpened { chat_id: CHAT, instance_id: INSTANCE, customer_id: CUSTOMER });
        conversation
    }

    fn record(&mut self, stream: StreamId, event: impl Into<Event>) {
        let recorded: RecordedEvent = self.recorder.record(stream, event);
        fold(&mut self.chats, &mut self.messages, &recorded);
    }

    fn chat(&mut self, event: E) {
        self.record(StreamId::Chat(CHAT), event);
    }

    fn receive(&mut self, number: u128) {
        self.receive_saying(number, text("Hi"), ContentType::Text);
    }

    fn receive_saying(&mut self, number: u128, content: Personal<Content>, content_type: ContentType) {
        let event = MessageEvent::MessageReceived {
            message_id: id(number),
            participants: PARTICIPANTS,
            from: None,
            content,
            content_type,
            whatsapp_id: number.to_string(),
            sent_at: at(100),
        };
        self.record(StreamId::Message(id(number)), event);
    }

    fn queue(&mut self, number: u128) {
        let event = MessageEvent::MessageQueued {
            message_id: id(number),
            participants: PARTICIPANTS,
            to: of_customer("5511999999999".parse().unwrap()),
            content: text("Hello"),
            content_type: ContentType::Text,
            whatsapp_id: number.to_string(),
            reply_to: None,
            deadline: at(500),
            job_id: None,
        };
        self.record(StreamId::Message(id(number)), event);
    }

    fn echo(&mut self, number: u128) {
        let event = MessageEvent::MessageEchoed {
            message_id: id(number),
            participants: PARTICIPANTS,
            to: None,
            content: of_customer(Content::Unsupported { kind: "image".to_owned() }),
            content_type: ContentType::Unsupported,
            whatsapp_id: number.to_string(),
            sent_at: at(100),
        };
        self.record(StreamId::Message(id(number)), event);
    }

    fn view(&self) -> Chat {
        self.chats.get(CHAT).unwrap().view.clone()
    }
}

const fn id(number: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(1000 + number))
}

#[test]
fn an_opened_chat_is_empty() {
    let conversation = Conversation::begun();
    let expected = Chat {
        id: CHAT,
        instance: INSTANCE,
        customer: CUSTOMER,
        status: ChatStatus::Open,
        snoozed_until: None,
        assignee: None,
        unread_count: 0,
        last_message: None,
        created_at: recorded_at(1),
        updated_at: recorded_at(1),
        version: 1,
        touched: 1,
    };
    assert_eq!(conversation.view(), expected);
    assert_eq!(conversation.chats.get(CHAT).unwrap().created_position, 1);
}

#[test]
fn its_own_events_change_it_and_touch_it() {
    let mut conversation = Conversation::begun();
    conversation.chat(E::ChatAssigned { assignee: Some("Bea".parse().unwrap()) });
    assert_eq!(conversation.view().assignee.as_deref(), Some("Bea"));
    conversation.chat(E::ChatAssigned { assignee: None });
    assert_eq!(conversation.view().assignee, None);
    for (event, status, snoozed_until) in [
        (E::ChatSnoozed { until: Some(at(900)) }, ChatStatus::Snoozed, Some(at(900))),
        (E::ChatReopened {}, ChatStatus::Open, None),
        (E::ChatClosed {}, ChatStatus::Closed, None),
    ] {
        conversation.chat(event);
        assert_eq!((conversation.view().status, conversation.view().snoozed_until), (status, snoozed_until));
    }
    let chat = conversation.view();
    assert_eq!((chat.version, chat.touched, chat.updated_at), (6, 6, recorded_at(6)));
    assert_eq!(chat.created_at, recorded_at(1));
}

#[test]
fn a_received_message_is_unread_and_the_last() {
    let mut conversation = Conversation::begun();
    conversation.receive(1);
    let chat = conversation.view();
    assert_eq!(chat.unread_count, 1);
    let preview = Some("Hi".to_owned());
    let (kind, direction) = ("text".to_owned(), Direction::Inbound);
    assert_eq!(
        chat.last_message,
        Some(LastMessage { id: id(1), direction, kind, preview, at: recorded_at(2) })
    );
    assert_eq!((chat.version, chat.touched, chat.updated_at), (1, 2, recorded_at(2)));
}

#[test]
fn what_goes_out_is_the_last_message_and_not_unread() {
    let mut conversation = Conversation::begun();
    conversation.receive(1);
    conversation.queue(2);
    let last = conversation.view().last_message.unwrap();
    assert_eq!(
        (last.id, last.direction, last.preview.as_deref()),
        (id(2), Direction::Outbound, Some("Hello"))
    );
    conversation.echo(3);
    let chat = conversation.view();
    let last = chat.last_message.unwrap();
    assert_eq!((last.id, last.kind.as_str(), last.preview), (id(3), "unsupported", None));
    assert_eq!((chat.unread_count, chat.touched), (1, 4));
}

#[test]
fn how_far_a_message_got_does_not_touch_its_chat() {
    let mut conversation = Conversation::begun();
    conversation.queue(1);
    let before = conversation.view();
    conversation.record(StreamId::Message(id(1)), MessageEvent::MessageSent { at: at(10) });
    assert_eq!(conversation.view(), before);
}

#[test]
fn reading_leaves_unread_what_came_after() {
    let mut conversation = Conversation::begun();
    for number in 1..=3 {
        conversation.receive(number);
    }
    conversation.queue(4);
    conversation.receive(5);
    for (up_to, unread) in [(2, 2), (4, 1), (5, 0), (1, 3)] {
        conversation.chat(E::ChatRead { up_to: id(up_to) });
        assert_eq!(conversation.view().unread_count, unread, "up to {up_to}");
    }
    conversation.receive(6);
    assert_eq!(conversation.view().unread_count, 4);
}

#[test]
fn reading_up_to_a_message_the_chat_does_not_have_leaves_the_count() {
    let mut conversation = Conversation::begun();
    conversation.receive(1);
    conversation.chat(E::ChatRead { up_to: id(77) });
    assert_eq!((conversation.view().unread_count, conversation.view().version), (1, 2));
}

#[test]
fn a_preview_is_a_hundred_characters() {
    let mut conversation = Conversation::begun();
    conversation.receive_saying(1, text(&"é".repeat(150)), ContentType::Text);
    assert_eq!(conversation.view().last_message.unwrap().preview, Some("é".repeat(100)));
}

#[test]
fn the_last_message_keeps_its_type_and_no_preview_once_erased() {
    let mut conversation = Conversation::begun();
    for (number, content_type) in [(1, ContentType::Text), (2, ContentType::Unsupported)] {
        conversation.receive_saying(number, erased(), content_type);
        let last = conversation.view().last_message.unwrap();
        assert_eq!((last.kind.as_str(), last.preview), (content_type.name(), None));
    }
}

#[test]
fn a_row_made_of_erased_events_is_the_row_scrubbed_in_place() {
    let (mut known, mut forgotten) = (Conversation::begun(), Conversation::begun());
    known.receive_saying(1, text("Hi"), ContentType::Text);
    forgotten.receive_saying(1, erased(), ContentType::Text);
    let mut scrubbed = known.view();
    scrubbed.last_message.as_mut().unwrap().preview = None;
    assert_eq!(forgotten.view(), scrubbed);
}

#[test]
fn a_row_is_loaded_unless_its_stream_begins_in_the_group() {
    let mut recorder = Recorder::default();
    let mut events = vec![];
    let opened = E::ChatOpened { chat_id: CHAT, instance_id: INSTANCE, customer_id: CUSTOMER };
    events.push(recorder.record(StreamId::Chat(CHAT), opened));
    events.push(recorder.record(StreamId::Chat(CHAT), E::ChatRead { up_to: id(1) }));
    assert_eq!(needed(&events), (vec![], vec![id(1).uuid()]));
    assert_eq!(needed(&events[1..]), (vec![CHAT.uuid()], vec![id(1).uuid()]));
}
