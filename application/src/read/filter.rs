//! What of a list is wanted.
//!
//! Conditions are combined with "and". Times are compared as answers show them, in milliseconds: after what an answer
//! shows is after that row.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Duration, DurationRound, Utc};
use interflow_domain::chat::ChatStatus;
use interflow_domain::message::{ContentType, Direction, MessageStatus};
use interflow_domain::{ChatId, CustomerId, DisplayName, Email, ExternalId, InvalidValue, PhoneNumber, Tag};

use crate::ChannelRef;

/// Which customers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerFilter {
    /// With this number.
    pub phone: Option<PhoneNumber>,
    /// With this address, in whatever case.
    pub email: Option<Email>,
    /// With this id in the caller's own system.
    pub external_id: Option<ExternalId>,
    /// With all of these labels.
    pub tags: BTreeSet<Tag>,
    /// With all of these words.
    pub words: Option<SearchText>,
    /// Created when.
    pub created: TimeRange,
    /// Last changed when.
    pub updated: TimeRange,
}

/// Which chats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatFilter {
    /// That stand there.
    pub status: Option<ChatStatus>,
    /// Through this channel; one that is gone goes by its id.
    pub channel: Option<ChannelRef>,
    /// With this customer.
    pub customer: Option<CustomerId>,
    /// In whose charge.
    pub assigned: Option<Assigned>,
    /// Whether there are inbound messages that nobody has read.
    pub unread: Option<bool>,
    /// When they last changed, or a message last came or was to go.
    pub active: TimeRange,
}

/// Which messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Of this chat.
    pub chat: Option<ChatId>,
    /// Through this channel; one that is gone goes by its id.
    pub channel: Option<ChannelRef>,
    /// To or from this customer.
    pub customer: Option<CustomerId>,
    /// That go this way.
    pub direction: Option<Direction>,
    /// That got so far.
    pub status: Option<MessageStatus>,
    /// Of this type.
    pub kind: Option<ContentType>,
    /// Recorded when.
    pub created: TimeRange,
}

/// In whose charge a chat is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// In nobody's.
    ToNobody,
    /// In this one's.
    To(DisplayName),
}

impl FromStr for Assigned {
    type Err = InvalidValue;

    /// `none` is nobody.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        if text == "none" { Ok(Self::ToNobody) } else { text.parse().map(Self::To) }
    }
}

/// A stretch of time, without its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// Later than.
    pub after: Option<DateTime<Utc>>,
    /// Earlier than.
    pub before: Option<DateTime<Utc>>,
}

impl TimeRange {
    /// Whether it leaves nothing out.
    #[must_use]
    pub const fn is_unbounded(&self) -> bool {
        self.after.is_none() && self.before.is_none()
    }

    /// Whether nothing can be within it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from().zip(self.until()).is_some_and(|(from, until)| from >= until)
    }

    /// The first instant within it, where it has one.
    #[must_use]
    pub fn from(&self) -> Option<DateTime<Utc>> {
        self.after.map(|after| whole(after) + MILLISECOND)
    }

    /// The first instant behind it, where it has one.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.before.map(|before| if whole(before) == before { before } else { whole(before) + MILLISECOND })
    }
}

const MILLISECOND: Duration = Duration::milliseconds(1);

/// Its milliseconds, without what is finer. Times that cannot be rounded are centuries away.
fn whole(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(MILLISECOND).unwrap_or(time)
}

/// Words that are looked for, 1 to [`SearchText::MAX_WORDS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(Vec<String>);

impl SearchText {
    /// Most characters.
    pub const MAX_CHARS: usize = 200;
    /// Most words.
    pub const MAX_WORDS: usize = 10;
    /// Letters and digits in a row that an index can look for anywhere in a text.
    pub const ANYWHERE: usize = 3;

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for SearchText {
    type Err = InvalidValue;

    /// What looks like a telephone number is one word, without its separators.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const RULE: InvalidValue =
            InvalidValue("must be 1 to 10 words, 200 characters at most, without control characters");
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let separated =
            text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')'));
        let words: Vec<String> = if separated && digits.len() >= Self::ANYWHERE {
            vec![digits]
        } else {
            text.split_whitespace().map(str::to_owned).collect()
        };
        let fits = (1..=Self::MAX_WORDS).contains(&words.len())
            && text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(char::is_control);
        if fits { Ok(Self(words)) } else { Err(RULE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(after: &str, before: &str) -> TimeRange {
        TimeRange { after: after.parse().ok(), before: before.parse().ok() }
    }

    #[test]
    fn times_are_compared_in_milliseconds() {
        let stored: DateTime<Utc> = "2026-01-01T00:00:00.123456Z".parse().unwrap();
        let shown = "2026-01-01T00:00:00.123Z";
        assert!(range(shown, "").from().unwrap() > stored, "after what is shown is after the row");
        assert!(range("", shown).until().unwrap() <= stored, "before what is shown is before the row");
        assert!(range("", "2026-01-01T00:00:00.123001Z").until().unwrap() > stored);
        assert!(range("2026-01-01T00:00:00.122Z", "").from().unwrap() <= stored);
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        let (noon, later) = ("2026-01-01T12:00:00Z", "2026-01-01T12:00:01Z");
        assert!(!range(noon, later).is_empty() && !TimeRange::default().is_empty());
        assert!(range(later, noon).is_empty() && range(noon, noon).is_empty());
    }

    #[test]
    fn a_number_is_one_word_however_it_is_written() {
        let words = |text: &str| text.parse::<SearchText>().map(|text| text.0);
        assert_eq!(words("+55 (11) 99999-9999").unwrap(), ["5511999999999"]);
        assert_eq!(words(" ana  maria ").unwrap(), ["ana", "maria"]);
        assert_eq!(words("1 2").unwrap(), ["1", "2"]);
        for text in ["", "  ", "a\tb\u{7}", &"x".repeat(201), &"a ".repeat(11)] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
