//! What an erasure says of itself: for ever, so nothing of it may be personal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::InvalidValue;
use crate::values::text_value;

text_value!(
    /// Why a customer was erased, in a word of the caller's own: `gdpr_art_17`, `ticket:4711`. It outlives the
    /// erasure, so it has no room for a name, an address or a number.
    ErasureReason,
    |text| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.:".contains(c);
        let mut runs = text.split(|c: char| !c.is_ascii_digit());
        let fits = !text.is_empty() && text.len() <= 64 && text.chars().all(allowed);
        if fits && runs.all(|run| run.len() < 7) {
            Ok(text.to_owned())
        } else {
            Err(InvalidValue(
                "must be a word of 1 to 64 characters a-z, 0-9, _, -, . and :, without 7 digits in a row: it outlives \
                 the erasure",
            ))
        }
    }
);

/// What an erasure destroyed, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Destroyed {
    /// The data keys, by their ids: what is sealed under them can be read by nobody any more.
    pub data_keys: Vec<Uuid>,
    /// Messages that lost their content and number in the read models.
    pub messages: u64,
    /// Chats that lost their preview.
    pub chats: u64,
    /// Sends that were waiting, and were given up.
    pub sends: u64,
    /// Attempts of webhook deliveries that lost what the receiver answered.
    pub webhook_attempts: u64,
    /// Answers kept for repeated requests.
    pub answers: u64,
    /// Rows of the WhatsApp sessions' key store.
    pub whatsapp_keys: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_word_that_can_hold_no_number_and_no_address() {
        for word in ["gdpr_art_17", "ticket:4711", "a", "2026-11-28", "request.of-customer", "123456"] {
            assert!(word.parse::<ErasureReason>().is_ok(), "{word}");
        }
        let long = "a".repeat(65);
        for word in ["", "5511999999999", "tel:5511999", "ana@example.com", "Ana", "two words", "é", &long] {
            assert!(word.parse::<ErasureReason>().is_err(), "{word}");
        }
    }
}
