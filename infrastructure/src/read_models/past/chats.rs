//! Chats as of a position.
//!
//! A chat has an event for each time it was read, and changes with each of its messages: folding all of them would cost
//! what the chat is long. Its row says of most of them only how many there were, and messages know their number among the
//! inbound ones of their chat (`inbound_ordinal`). So it is folded from the last event of each kind and from the first one
//! of its last message; what came in between is counted by its number ([`Row::count_inbound_to`]). That the outcome is the
//! same, `tests/it/past` proves at every position of histories of every kind.

use std::collections::BTreeMap;

use interflow_application::log::Event;
use interflow_domain::chat::ChatEvent;
use interflow_domain::message::ContentType;
use interflow_domain::{ChatId, MessageId};
use sqlx::FromRow;
use uuid::Uuid;

use super::look::{Aged, Look};
use crate::event_log::{Failure, Seen};
use crate::read_models::conversations::chat::{Row, fold};

/// A row is what the last of each of these made it: none adds to what another one of its kind did.
const KINDS: [&str; 6] =
    ["chat.opened", "chat.assigned", "chat.snoozed", "chat.closed", "chat.reopened", READ];
const READ: &str = "chat.read";

/// The last message of a chat up to a position. As everywhere here, of the index that has the order the first that is not
/// behind it, looked at afterwards: no other index can be taken for it.
const LAST: &str = "SELECT asked.n, m.id, m.inbound_ordinal \
     FROM (SELECT generation FROM heads WHERE workspace_id = $1) AS live, \
     unnest($2::uuid[], $3::bigint[]) WITH ORDINALITY AS asked (chat, until, n), \
     LATERAL (SELECT * FROM messages m WHERE (m.workspace_id, m.generation, m.chat_id, m.created_position) \
             <= ($1, live.generation, asked.chat, asked.until) \
         ORDER BY m.workspace_id DESC, m.generation DESC, m.chat_id DESC, m.created_position DESC LIMIT 1) m \
     WHERE m.workspace_id = $1 AND m.generation = live.generation AND m.chat_id = asked.chat";
/// The number of a message, if it was one of the chat at the position.
const NUMBER: &str = "SELECT asked.n, m.id, m.inbound_ordinal \
     FROM (SELECT generation FROM heads WHERE workspace_id = $1) AS live, \
     unnest($2::uuid[], $3::bigint[], $4::uuid[]) WITH ORDINALITY AS asked (chat, until, id, n), \
     LATERAL (SELECT * FROM messages m \
         WHERE m.workspace_id = $1 AND m.generation = live.generation AND m.id >= asked.id ORDER BY m.id LIMIT 1) m \
     WHERE m.id = asked.id AND m.chat_id = asked.chat AND m.created_position <= asked.until";

/// A message of a chat, in answer to a question.
#[derive(Debug, Clone, Copy, FromRow)]
struct Found {
    n: i64,
    id: Uuid,
    inbound_ordinal: i64,
}

/// What a chat's row is folded from.
#[derive(Default)]
struct Tale {
    events: Vec<Seen>,
    /// What is to be known of some of the events, by their positions.
    counts: BTreeMap<u64, Counts>,
    /// How many inbound messages there were in the end.
    inbound: u64,
}

/// What an event is to be folded with.
#[derive(Debug, Clone, Copy)]
struct Counts {
    /// How many inbound messages there were before it.
    inbound: u64,
    /// The number of the message that it says was read.
    read_up_to: u64,
}

/// For each chat and position, its row.
pub(super) async fn rows(look: &Look, wanted: &[(ChatId, u64)]) -> Result<Vec<Option<Aged<Row>>>, Failure> {
    let told = look.latest_of_chats(wanted, &KINDS).await?;
    let mut tales: Vec<Tale> = told.into_iter().map(|events| Tale { events, ..Tale::default() }).collect();
    add_reads(look, wanted, &mut tales).await?;
    add_last_messages(look, wanted, &mut tales).await?;
    Ok(tales.into_iter().map(Tale::folded).collect())
}

/// Counts what was read. A `chat.read` of a message that the chat did not have then read nothing: the one before counts.
async fn add_reads(look: &Look, wanted: &[(ChatId, u64)], tales: &mut [Tale]) -> Result<(), Failure> {
    let mut open: Vec<usize> = (0..tales.len()).collect();
    while !open.is_empty() {
        let reads: Vec<(usize, u64, MessageId)> = open
            .iter()
            .filter_map(|n| tales[*n].first_read().map(|(position, up_to)| (*n, position, up_to)))
            .collect();
        let before: Vec<_> = reads.iter().map(|(n, position, _)| (wanted[*n].0, position - 1)).collect();
        let ids: Vec<_> = reads.iter().map(|(.., up_to)| *up_to).collect();
        let numbers = numbers(look, &before, &ids).await?;
        let inbound = last_messages(look, &before).await?;
        open.clear();
        let mut earlier = vec![];
        for (at, (n, position, _)) in reads.into_iter().enumerate() {
            match numbers.get(&at) {
                Some(number) => {
                    let inbound = inbound.get(&at).map_or(0, |last| last.inbound_ordinal.unsigned_abs());
                    let read_up_to = number.inbound_ordinal.unsigned_abs();
                    tales[n].counts.insert(position, Counts { inbound, read_up_to });
                }
                None => {
                    open.push(n);
                    earlier.push((wanted[n].0, position - 1));
                }
            }
        }
        let mut found = look.latest_of_chats(&earlier, &[READ]).await?.into_iter();
        open.retain(|n| {
            let earlier = found.next().unwrap_or_default();
            let is_one = !earlier.is_empty();
            tales[*n].events.splice(0..0, earlier);
            is_one
        });
    }
    Ok(())
}

async fn add_last_messages(look: &Look, wanted: &[(ChatId, u64)], tales: &mut [Tale]) -> Result<(), Failure> {
    let last = last_messages(look, wanted).await?;
    let ids: Vec<_> = last.values().map(|found| MessageId::new(found.id)).collect();
    let begun = look.beginnings(&ids).await?;
    for (n, found) in last {
        tales[n].inbound = found.inbound_ordinal.unsigned_abs();
        tales[n].events.extend(begun.get(&MessageId::new(found.id)).cloned());
    }
    Ok(())
}

/// For each chat and position the last message, by the place of the question; none where there was none.
async fn last_messages(look: &Look, asked: &[(ChatId, u64)]) -> Result<BTreeMap<usize, Found>, Failure> {
    let query = sqlx::query_as(LAST)
        .bind(look.workspace.uuid())
        .bind(asked.iter().map(|(chat, _)| chat.uuid()).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, until)| until.cast_signed()).collect::<Vec<_>>());
    Ok(by_question(query.fetch_all(&look.pool).await?))
}

/// The messages of these ids, by the place of the question; none where the chat had no such message at the position.
async fn numbers(
    look: &Look,
    asked: &[(ChatId, u64)],
    ids: &[MessageId],
) -> Result<BTreeMap<usize, Found>, Failure> {
    let query = sqlx::query_as(NUMBER)
        .bind(look.workspace.uuid())
        .bind(asked.iter().map(|(chat, _)| chat.uuid()).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, until)| until.cast_signed()).collect::<Vec<_>>())
        .bind(ids.iter().map(|id| id.uuid()).collect::<Vec<_>>());
    Ok(by_question(query.fetch_all(&look.pool).await?))
}

fn by_question(found: Vec<Found>) -> BTreeMap<usize, Found> {
    found.into_iter().filter_map(|found| Some((usize::try_from(found.n - 1).ok()?, found))).collect()
}

impl Tale {
    /// The first `chat.read` that is known, where it is and up to which message.
    fn first_read(&self) -> Option<(u64, MessageId)> {
        self.events.iter().find_map(|seen| match &seen.recorded.event {
            Event::Chat(ChatEvent::ChatRead { up_to }) => Some((seen.recorded.position, *up_to)),
            _ => None,
        })
    }

    fn folded(mut self) -> Option<Aged<Row>> {
        self.events.sort_by_key(|seen| seen.recorded.position);
        let mut row = None;
        for seen in &self.events {
            let counts = self.counts.get(&seen.recorded.position);
            if let (Some(row), Some(counts)) = (&mut row, counts) {
                Row::count_inbound_to(row, counts.inbound);
            }
            fold(&mut row, &seen.recorded, counts.map(|counts| counts.read_up_to));
        }
        let mut row: Row = row?;
        row.count_inbound_to(self.inbound);
        Some(aged(row))
    }
}

/// A row, and whether its preview was erased: every text has one.
pub(super) fn aged(row: Row) -> Aged<Row> {
    let text = ContentType::Text.name();
    let last = row.view.last_message.as_ref();
    let erased = last.is_some_and(|last| last.kind == text && last.preview.is_none());
    Aged { row, erased }
}
