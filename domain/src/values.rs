//! Small values that are validated once and cannot be wrong afterwards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A value breaks a rule of its kind; the text says which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub &'static str);

macro_rules! text_value {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                let check: fn(&str) -> Result<String, InvalidValue> = $check;
                check(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use text_value;

pub(crate) fn bounded(text: &str, most: usize, rule: &'static str) -> Result<String, InvalidValue> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(InvalidValue(rule)) }
}

text_value!(
    /// The name of an instance, unique among the living instances of a workspace. Compared exactly.
    InstanceName, |text| {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@' | b'+'))
            && text != "." && text != "..";
        if fits { Ok(text.to_owned()) } else {
            Err(InvalidValue("must be 1 to 64 characters of A-Z, a-z, 0-9, '-', '_', '.', '@' and '+'"))
        }
    }
);
text_value!(
    /// A short name for people to read: of a customer, a key, a workspace, an assignee.
    DisplayName, |text| bounded(text, 200, "must be 1 to 200 characters without control characters")
);
text_value!(
    /// Why somebody did something, for people to read.
    Reason, |text| bounded(text, 200, "must be 1 to 200 characters without control characters")
);
text_value!(
    /// An e-mail address, kept as given and compared in lower case.
    Email, |text| {
        const RULE: InvalidValue = InvalidValue("must be an e-mail address, for example ana@example.com");
        let text = bounded(text, 254, RULE.0)?;
        let (local, domain) = text.rsplit_once('@').ok_or(RULE)?;
        let plain = !text.chars().any(char::is_whitespace);
        let domain_ok = domain.contains('.') && domain.split('.').all(|label| {
            !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
        let local_ok = !local.is_empty() && local.len() <= 64 && !local.contains('@');
        if plain && domain_ok && local_ok { Ok(text) } else { Err(RULE) }
    }
);
text_value!(
    /// The id of a customer in the caller's own system.
    ExternalId, |text| bounded(text, 200, "must be 1 to 200 characters without control characters")
);
text_value!(
    /// A label on a customer.
    Tag, |text| bounded(text, 50, "must be 1 to 50 characters without control characters")
);
text_value!(
    /// The text of a message.
    MessageText, |text| {
        let fits = !text.trim().is_empty() && text.chars().count() <= MessageText::MAX_CHARS && !text.contains('\0');
        if fits { Ok(text.to_owned()) } else {
            Err(InvalidValue("must be 1 to 65536 characters, not only blanks, without NUL"))
        }
    }
);
text_value!(
    /// The user part of a LID, WhatsApp's identity that hides the number.
    Lid, |text| {
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if fits { Ok(text.to_owned()) } else { Err(InvalidValue("must be 1 to 32 digits")) }
    }
);
text_value!(
    /// The short name of a workspace, unique on a server.
    WorkspaceSlug, |text| {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-') && !text.ends_with('-');
        if fits { Ok(text.to_owned()) } else {
            Err(InvalidValue("must be 1 to 63 characters of a-z, 0-9 and '-', not at either end"))
        }
    }
);

impl MessageText {
    /// WhatsApp's own bound on a text.
    pub const MAX_CHARS: usize = 65_536;
}

impl Email {
    /// The form in which two addresses are compared.
    #[must_use]
    pub fn normalized(&self) -> String {
        self.0.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_names_are_plain_and_bounded() {
        for name in ["user_id_001", "a", "A.b-c@d+e", &"x".repeat(64)] {
            assert!(name.parse::<InstanceName>().is_ok(), "{name}");
        }
        for name in ["", " ", "a b", "a/b", "..", "ü", "a\n", &"x".repeat(65)] {
            assert!(name.parse::<InstanceName>().is_err(), "{name}");
        }
    }

    #[test]
    fn email_addresses_need_a_local_part_and_a_dotted_domain() {
        for email in ["ana@example.com", "a.b+c@sub.example.org", "josé@exämple.com"] {
            assert!(email.parse::<Email>().is_ok(), "{email}");
        }
        for email in
            ["", "ana", "@example.com", "ana@", "ana@localhost", "a b@example.com", "a@b@c.com", "a@-b.com"]
        {
            assert!(email.parse::<Email>().is_err(), "{email}");
        }
        assert_eq!("Ana@Example.com".parse::<Email>().unwrap().normalized(), "ana@example.com");
    }

    #[test]
    fn a_text_is_bounded_in_characters_not_bytes() {
        assert!("é".repeat(65_536).parse::<MessageText>().is_ok());
        assert!("é".repeat(65_537).parse::<MessageText>().is_err());
        assert!(" \n ".parse::<MessageText>().is_err());
        assert!("a\0b".parse::<MessageText>().is_err());
        assert_eq!(" two\nlines ".parse::<MessageText>().unwrap().as_str(), " two\nlines ");
    }
}
