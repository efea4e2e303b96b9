//! Telephone numbers as WhatsApp writes them: country code first, digits only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A telephone number of 7 to 15 digits, country code included, without `+`.
///
/// No numbering plan is consulted: whether the number exists is for WhatsApp to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// What was given is no telephone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the full number with country code: 7 to 15 digits, for example 5511999999999")]
pub struct InvalidPhoneNumber;

impl PhoneNumber {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    /// Tolerates and removes one leading `+`, blanks, dashes, dots and brackets.
    fn from_str(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let plausible = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if plausible { Ok(Self(digits)) } else { Err(InvalidPhoneNumber) }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_a_plus_are_tolerated_and_removed() {
        for text in ["5511999999999", "+55 11 99999-9999", " (55) 11.99999.9999 "] {
            assert_eq!(text.parse::<PhoneNumber>().unwrap().as_str(), "5511999999999", "{text}");
        }
        assert_eq!("1234567890".parse::<PhoneNumber>().unwrap().as_str(), "1234567890");
    }

    #[test]
    fn letters_and_wrong_lengths_are_refused() {
        for text in ["", "123456", "1234567890123456", "55119999x9999", "++5511999999999", "٥٥١١٩٩٩٩٩٩٩٩"]
        {
            assert_eq!(text.parse::<PhoneNumber>(), Err(InvalidPhoneNumber), "{text}");
        }
    }
}
