//! Chats and their messages, folded together: a message that comes changes its chat, and reading a chat up to a
//! message needs to know which that is.
//!
//! Nothing is counted in the database. Every inbound message gets its number in the chat, so what is unread after a
//! message is the chat's last number less the message's, wherever in the group the two events stand.

pub(super) mod chat;
#[cfg(test)]
mod chat_tests;
pub(super) mod chats_table;
pub(super) mod message;
#[cfg(test)]
mod message_tests;
pub(super) mod messages_table;

use interflow_application::log::{Event, RecordedEvent, StreamId};
use interflow_domain::chat::ChatEvent;
use interflow_domain::message::{MessageEvent, Participants};
use interflow_domain::{ChatId, MessageId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{Move, standing};
use super::rows::{Needed, Rows};
use super::table::{Scope, delete, load};
use crate::batch::Batch;
use chat::Row as ChatRow;
use message::Row as MessageRow;

/// Gives back how the messages of jobs moved.
pub(super) async fn apply(
    connection: &mut PgConnection,
    batch: &mut Batch,
    scope: Scope<'_>,
    events: &[RecordedEvent],
) -> Result<Vec<Move>, sqlx::Error> {
    let (chat_ids, message_ids) = needed(events);
    let of_chats = (chats_table::TABLE, chats_table::COLUMNS);
    let loaded = load(connection, scope, of_chats, &chat_ids, chats_table::decode).await?;
    let mut chats = Rows::loaded(loaded, |row| row.view.id);
    let to_move_on = (messages_table::TABLE, messages_table::COLUMNS_TO_MOVE_ON);
    let loaded = load(connection, scope, to_move_on, &message_ids, messages_table::decode).await?;
    let mut messages = Rows::loaded(loaded, |row| row.view.id);

    let mut moves = vec![];
    for event in events {
        moves.extend(fold(&mut chats, &mut messages, event));
    }

    let (written, deleted) = chats.into_changes(ChatId::uuid);
    chats_table::write(batch, scope, &written)?;
    delete(batch, scope, chats_table::TABLE, &deleted);
    scope.remember(chats_table::TABLE, written, |row| (row.view.id.uuid(), bytes_of_chat(row)));
    let (written, deleted) = messages.into_changes(MessageId::uuid);
    messages_table::write(batch, scope, &written)?;
    delete(batch, scope, messages_table::TABLE, &deleted);
    let written = written.into_iter().map(without_content).collect();
    scope.remember(messages_table::TABLE, written, |row| (row.view.id.uuid(), bytes_of_message(row)));
    Ok(moves)
}

/// The row as it is loaded.
fn without_content(mut row: MessageRow) -> MessageRow {
    (row.view.phone, row.view.content) = (None, None);
    row
}

/// About what a row holds outside of itself.
fn bytes_of_message(MessageRow { view, .. }: &MessageRow) -> usize {
    view.kind.len() + view.whatsapp_id.len() + view.status_reason.as_ref().map_or(0, String::len)
}

/// The same of a chat.
fn bytes_of_chat(ChatRow { view, .. }: &ChatRow) -> usize {
    let preview = view.last_message.as_ref().and_then(|last| last.preview.as_ref());
    let texts = [preview, view.assignee.as_ref()];
    texts.into_iter().flatten().map(String::len).sum()
}

/// The rows of chats and of messages that the events are folded into.
fn needed(events: &[RecordedEvent]) -> (Vec<Uuid>, Vec<Uuid>) {
    let (mut chats, mut messages) = (Needed::new(), Needed::new());
    for event in events {
        match event.stream {
            StreamId::Chat(id) => chats.own_event(id, event.version),
            StreamId::Message(id) => messages.own_event(id, event.version),
            _ => {}
        }
        if let Some(participants) = begins_with(event) {
            chats.also(participants.chat_id);
        }
        if let Event::Chat(ChatEvent::ChatRead { up_to }) = &event.event {
            messages.also(*up_to);
        }
    }
    (chats.load(ChatId::uuid), messages.load(MessageId::uuid))
}

fn fold(
    chats: &mut Rows<ChatId, ChatRow>,
    messages: &mut Rows<MessageId, MessageRow>,
    recorded: &RecordedEvent,
) -> Option<Move> {
    match (recorded.stream, &recorded.event) {
        (StreamId::Chat(id), Event::Chat(event)) => {
            let read_up_to = match event {
                ChatEvent::ChatRead { up_to } => {
                    messages.get(*up_to).filter(|message| message.view.chat == id)
                }
                _ => None,
            };
            chat::fold(chats.change(id), recorded, read_up_to.map(|message| message.inbound_ordinal));
            None
        }
        (StreamId::Message(id), Event::Message(_)) => {
            let inbound_ordinal = begins_with(recorded).map_or(0, |participants| {
                let chat = chats.change(participants.chat_id);
                chat::fold(chat, recorded, None);
                chat.as_ref().map_or(0, |chat| chat.inbound_count)
            });
            let row = messages.change(id);
            let before = row.as_ref().and_then(|row| standing(&row.view));
            message::fold(row, recorded, inbound_ordinal);
            let after = row.as_ref().and_then(|row| standing(&row.view));
            Move::between(before, after, recorded.position)
        }
        _ => None,
    }
}

/// Between whom a message passes, if this is its first event.
const fn begins_with(recorded: &RecordedEvent) -> Option<&Participants> {
    match &recorded.event {
        Event::Message(
            MessageEvent::MessageQueued { participants, .. }
            | MessageEvent::MessageReceived { participants, .. }
            | MessageEvent::MessageEchoed { participants, .. },
        ) => Some(participants),
        _ => None,
    }
}
