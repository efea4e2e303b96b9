//! What the events of a chat, and the coming of its messages, make of its row.

use chrono::{DateTime, Utc};
use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::{Chat, LastMessage};
use interflow_domain::chat::{ChatEvent, ChatStatus};
use interflow_domain::message::{Content, ContentType, Direction, MessageEvent};
use interflow_domain::{MessageId, Personal};

use crate::read_models::columns::microseconds;

/// How many characters of a text a preview shows.
const PREVIEW_CHARS: usize = 100;

/// A row of `chats`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Chat,
    pub(in crate::read_models) inbound_count: u64,
    pub(in crate::read_models) created_position: u64,
}

impl Row {
    /// Counts the inbound messages up to this number, which are not folded in one by one: what else each of them changes,
    /// a later one changes again.
    pub(in crate::read_models) fn count_inbound_to(&mut self, number: u64) {
        let more = number.saturating_sub(self.inbound_count);
        self.inbound_count += more;
        self.view.unread_count += more;
    }
}

/// `read_up_to` is the number of the message that a `chat.read` names, where the chat has such a message.
pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent, read_up_to: Option<u64>) {
    match &recorded.event {
        Event::Chat(event @ ChatEvent::ChatOpened { .. }) => *row = opened(event, recorded),
        Event::Chat(event) => {
            if let Some(row) = row {
                change(row, event, read_up_to);
                row.view.version = recorded.version;
                touch(row, recorded);
            }
        }
        Event::Message(event) => {
            if let (Some(row), Some(last_message)) = (row, last_message(event, recorded)) {
                if last_message.direction == Direction::Inbound {
                    row.inbound_count += 1;
                    row.view.unread_count += 1;
                }
                row.view.last_message = Some(last_message);
                touch(row, recorded);
            }
        }
        _ => {}
    }
}

fn touch(row: &mut Row, recorded: &RecordedEvent) {
    row.view.updated_at = recorded.recorded_at;
    row.view.touched = recorded.position;
}

fn opened(event: &ChatEvent, recorded: &RecordedEvent) -> Option<Row> {
    let ChatEvent::ChatOpened { chat_id, instance_id, customer_id } = event else { return None };
    let view = Chat {
        id: *chat_id,
        instance: *instance_id,
        customer: *customer_id,
        status: ChatStatus::Open,
        snoozed_until: None,
        assignee: None,
        unread_count: 0,
        last_message: None,
        created_at: recorded.recorded_at,
        updated_at: recorded.recorded_at,
        version: recorded.version,
        touched: recorded.position,
    };
    Some(Row { view, inbound_count: 0, created_position: recorded.position })
}

fn change(row: &mut Row, event: &ChatEvent, read_up_to: Option<u64>) {
    match event {
        ChatEvent::ChatOpened { .. } => {}
        ChatEvent::ChatAssigned { assignee } => {
            row.view.assignee = assignee.as_ref().map(ToString::to_string)
        }
        ChatEvent::ChatSnoozed { until } => {
            stand(row, ChatStatus::Snoozed, until.map(microseconds));
        }
        ChatEvent::ChatClosed {} => stand(row, ChatStatus::Closed, None),
        ChatEvent::ChatReopened {} => stand(row, ChatStatus::Open, None),
        ChatEvent::ChatRead { .. } => {
            if let Some(read) = read_up_to {
                row.view.unread_count = row.inbound_count.saturating_sub(read);
            }
        }
    }
}

fn stand(row: &mut Row, status: ChatStatus, snoozed_until: Option<DateTime<Utc>>) {
    row.view.status = status;
    row.view.snoozed_until = snoozed_until;
}

fn last_message(event: &MessageEvent, recorded: &RecordedEvent) -> Option<LastMessage> {
    use MessageEvent as E;

    let last = |id: MessageId, direction, kind: ContentType, content: &Personal<Content>| LastMessage {
        id,
        direction,
        kind: kind.name().to_owned(),
        preview: content.get().and_then(preview),
        at: recorded.recorded_at,
    };
    match event {
        E::MessageReceived { message_id, content, content_type, .. } => {
            Some(last(*message_id, Direction::Inbound, *content_type, content))
        }
        E::MessageQueued { message_id, content, content_type, .. }
        | E::MessageEchoed { message_id, content, content_type, .. } => {
            Some(last(*message_id, Direction::Outbound, *content_type, content))
        }
        E::MessageSent { .. }
        | E::MessageDelivered { .. }
        | E::MessageRead { .. }
        | E::MessagePlayed { .. }
        | E::MessageFailed { .. } => None,
    }
}

fn preview(content: &Content) -> Option<String> {
    match content {
        Content::Text { text } => Some(text.as_str().chars().take(PREVIEW_CHARS).collect()),
        Content::Unsupported { .. } => None,
    }
}
