//! What a phone received and what it wrote: the two lists that tests look at.

use std::collections::HashMap;

use serde::Serialize;

use super::Addressing;
use crate::clock;

/// A row of `GET /phones/{number}/messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedMessage {
    /// The id that the sender chose.
    pub id: String,
    /// The number of the account that sent it.
    pub from: String,
    /// The text; `null` when the message is of another kind.
    pub text: Option<String>,
    /// When the first copy was decrypted, RFC 3339.
    pub received_at: String,
    /// How many stanzas came with this id.
    pub copies: u32,
}

/// A row of `GET /phones/{number}/sent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenMessage {
    /// The id under which the account received it.
    pub id: String,
    /// The account's number.
    pub to: String,
    /// The text.
    pub text: String,
    /// Whether a device of the account reported delivery.
    pub delivered: bool,
    /// Whether a device of the account reported that it was read.
    pub read: bool,
}

/// What a phone wrote to an account, kept so that it can be sealed again.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) addressing: Addressing,
    pub(crate) at: u64,
}

/// Both lists.
#[derive(Default)]
pub(super) struct Book {
    received: Vec<ReceivedMessage>,
    received_at: HashMap<(String, String), usize>,
    written: Vec<(WrittenMessage, Draft)>,
    written_at: HashMap<String, usize>,
}

impl Book {
    /// Enters a decrypted message, or one more copy of it.
    pub(super) fn enter(&mut self, id: &str, from: &str, text: Option<String>) {
        if self.count_copy(id, from) {
            return;
        }
        self.received_at.insert((from.to_owned(), id.to_owned()), self.received.len());
        self.received.push(ReceivedMessage {
            id: id.to_owned(),
            from: from.to_owned(),
            text,
            received_at: clock::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            copies: 1,
        });
    }

    /// Counts one more copy of a message that was entered before; false when it was not.
    pub(super) fn count_copy(&mut self, id: &str, from: &str) -> bool {
        let place = self.received_at.get(&(from.to_owned(), id.to_owned()));
        let row = place.and_then(|place| self.received.get_mut(*place));
        row.map(|row| row.copies += 1).is_some()
    }

    pub(super) fn received(&self) -> Vec<ReceivedMessage> {
        self.received.clone()
    }

    /// Notes what the phone wrote; under an id that was used before it replaces what can be sealed again.
    pub(super) fn note(&mut self, row: WrittenMessage, draft: Draft) {
        self.written_at.insert(row.id.clone(), self.written.len());
        self.written.push((row, draft));
    }

    pub(super) fn draft(&self, id: &str) -> Option<Draft> {
        let (_, draft) = self.written.get(*self.written_at.get(id)?)?;
        Some(draft.clone())
    }

    /// Marks what was written as delivered, or as read, which includes delivery.
    pub(super) fn mark(&mut self, id: &str, read: bool) {
        let place = self.written_at.get(id);
        if let Some((row, _)) = place.and_then(|place| self.written.get_mut(*place)) {
            row.delivered = true;
            row.read |= read;
        }
    }

    pub(super) fn written(&self) -> Vec<WrittenMessage> {
        self.written.iter().map(|(row, _)| row.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_counted_by_sender_and_id() {
        let mut book = Book::default();
        book.enter("A", "491111111", None);
        book.enter("A", "491111111", None);
        book.enter("A", "492222222", None);
        let copies: Vec<_> = book.received().iter().map(|row| row.copies).collect();
        assert_eq!(copies, [2, 1]);
        assert!(!book.count_copy("B", "491111111"));
    }
}
