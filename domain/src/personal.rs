//! Personal data: what can be forgotten without breaking the log.
//!
//! A personal field is a [`Personal`] value that knows whose it is. The event store seals it under the subject's
//! data key when it writes and opens it when it reads; once the key is destroyed the value reads as
//! [`Personal::Erased`]. The domain never sees a ciphertext.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ChatId, CustomerId, InstanceId, InvalidId, KeyId, WebhookId};

/// Whose data it is: the unit of forgetting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A customer: name, numbers, addresses.
    Customer(CustomerId),
    /// What was said with a customer. Apart from the customer, so that it can be forgotten earlier.
    Messages(CustomerId),
    /// A chat.
    Chat(ChatId),
    /// The account behind an instance.
    Instance(InstanceId),
    /// A webhook endpoint: its address and secrets are nobody's personal data, but are sealed as if they were.
    Webhook(WebhookId),
    /// Whoever uses an API key: where they call from.
    Key(KeyId),
}

/// A field that is personal.
#[derive(Clone, PartialEq, Eq)]
pub enum Personal<T> {
    /// Known.
    Clear {
        /// Whose it is.
        subject: Subject,
        /// What it is.
        value: T,
    },
    /// The subject's key was destroyed.
    Erased {
        /// Whose it was.
        subject: Subject,
    },
}

impl<T> Personal<T> {
    /// A value that belongs to a subject.
    pub const fn new(subject: Subject, value: T) -> Self {
        Self::Clear { subject, value }
    }

    /// The value, unless it was erased.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Erased { .. } => None,
        }
    }

    /// The value, unless it was erased.
    pub fn into_inner(self) -> Option<T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Erased { .. } => None,
        }
    }

    /// Whose it is.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::Clear { subject, .. } | Self::Erased { subject } => *subject,
        }
    }
}

/// Without the value: a log line never holds personal data.
impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear { subject, .. } => write!(f, "Personal({subject})"),
            Self::Erased { subject } => write!(f, "Erased({subject})"),
        }
    }
}

/// The key that marks a personal value in a payload. The store looks for it; see [`PersonalForm`].
pub const PERSONAL_MARK: &str = "$p";

/// The inside of a personal value between the domain and the store: `{"$p":{"s":subject,"v":value}}`, and
/// `{"$p":{"s":subject,"erased":true}}` once erased.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalForm<T> {
    /// Whose it is.
    #[serde(rename = "s")]
    pub subject: Subject,
    /// What it is, in clear.
    #[serde(rename = "v", default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub value: Option<T>,
    /// Whether it was erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

#[derive(Serialize, Deserialize)]
struct Marked<T> {
    #[serde(rename = "$p")]
    form: PersonalForm<T>,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self {
            Self::Clear { subject, value } => {
                PersonalForm { subject: *subject, value: Some(value), erased: false }
            }
            Self::Erased { subject } => PersonalForm { subject: *subject, value: None, erased: true },
        };
        Marked { form }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PersonalForm { subject, value, erased } = Marked::<T>::deserialize(deserializer)?.form;
        match (value, erased) {
            (Some(value), false) => Ok(Self::Clear { subject, value }),
            (None, true) => Ok(Self::Erased { subject }),
            _ => Err(D::Error::custom("a personal value is either there or erased")),
        }
    }
}

/// What tells a customer's messages from the customer.
const MESSAGES: &str = "/messages";

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer(id) => id.fmt(f),
            Self::Messages(id) => write!(f, "{id}{MESSAGES}"),
            Self::Chat(id) => id.fmt(f),
            Self::Instance(id) => id.fmt(f),
            Self::Webhook(id) => id.fmt(f),
            Self::Key(id) => id.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Some(customer) = text.strip_suffix(MESSAGES) {
            return customer.parse().map(Self::Messages);
        }
        match text.split_once('_').map(|(prefix, _)| prefix) {
            Some(CustomerId::PREFIX) => text.parse().map(Self::Customer),
            Some(ChatId::PREFIX) => text.parse().map(Self::Chat),
            Some(InstanceId::PREFIX) => text.parse().map(Self::Instance),
            Some(WebhookId::PREFIX) => text.parse().map(Self::Webhook),
            Some(KeyId::PREFIX) => text.parse().map(Self::Key),
            _ => Err(InvalidId { prefix: "cus, cht, ins, whk or key" }),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn subject() -> Subject {
        Subject::Customer(CustomerId::new(Uuid::nil()))
    }

    #[test]
    fn a_clear_value_keeps_its_subject_through_json() {
        let name = Personal::new(subject(), "Ana".to_owned());
        let json = serde_json::to_value(&name).unwrap();
        assert_eq!(json, json!({"$p": {"s": "cus_00000000000000000000000000", "v": "Ana"}}));
        assert_eq!(serde_json::from_value::<Personal<String>>(json).unwrap(), name);
    }

    #[test]
    fn an_erased_value_reads_as_erased_whatever_its_type() {
        let json = json!({"$p": {"s": "cus_00000000000000000000000000", "erased": true}});
        let value: Personal<Vec<u8>> = serde_json::from_value(json).unwrap();
        assert_eq!(value, Personal::Erased { subject: subject() });
        assert_eq!(value.get(), None);
    }

    #[test]
    fn a_subject_is_read_from_what_it_is_printed_as() {
        let id = CustomerId::new(Uuid::nil());
        let (chat, key) = (ChatId::new(Uuid::nil()), KeyId::new(Uuid::nil()));
        for subject in [Subject::Customer(id), Subject::Messages(id), Subject::Chat(chat), Subject::Key(key)]
        {
            assert_eq!(subject.to_string().parse::<Subject>().unwrap(), subject);
        }
        assert_eq!(Subject::Messages(id).to_string(), "cus_00000000000000000000000000/messages");
        assert!("cht_00000000000000000000000000/messages".parse::<Subject>().is_err());
        assert!("/messages".parse::<Subject>().is_err());
    }

    #[test]
    fn debug_output_never_holds_the_value() {
        let name = Personal::new(subject(), "Ana".to_owned());
        assert!(!format!("{name:?}").contains("Ana"));
    }
}
