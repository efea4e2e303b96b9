//! The values a webhook is made of.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::InvalidValue;
use crate::values::{bounded, text_value};

text_value!(
    /// What an endpoint is for, in its owner's words.
    Description, |text| bounded(text, 500, "must be 1 to 500 characters without control characters")
);
text_value!(
    /// The types of events an endpoint wants: a name (`message.received`), or one with `*` for any run of characters
    /// (`message.*`, `*`).
    EventPattern, |text| {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_' | b'-' | b'*'));
        if fits { Ok(text.to_owned()) } else {
            Err(InvalidValue("must be 1 to 64 characters of a-z, '.', '_', '-' and '*', for example message.*"))
        }
    }
);
text_value!(
    /// The name of a header of an endpoint's own, in lower case. Those that the server sets itself are refused.
    HeaderName, |text| {
        let name = text.to_ascii_lowercase();
        let token = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if !token {
            return Err(InvalidValue("must be 1 to 64 characters that may stand in the name of a header"));
        }
        let reserved = HeaderName::RESERVED.contains(&name.as_str())
            || HeaderName::RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if reserved { Err(InvalidValue("is a header that the server sets itself")) } else { Ok(name) }
    }
);

impl HeaderName {
    /// Headers that say how a request is carried, or that the server sets.
    const RESERVED: [&str; 17] = [
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-request-id",
    ];
    const RESERVED_PREFIXES: [&str; 3] = ["webhook-", "interflow-", "proxy-"];
}

/// Texts that are, or may hold, a credential: they never appear in a log line.
macro_rules! secret_value {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text, to be used and not to be shown.
            #[must_use]
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                let check: fn(&str) -> Result<(), InvalidValue> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        /// Without the text.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

secret_value!(
    /// Where deliveries go. What else an address must be is decided where addresses are understood.
    WebhookUrl, |text| {
        let fits = text.len() <= WebhookUrl::MAX_BYTES
            && ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme))
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(()) } else {
            Err(InvalidValue("must be an http or https address of at most 2048 bytes"))
        }
    }
);
secret_value!(
    /// The value of a header of an endpoint's own.
    HeaderValue, |text| {
        let fits = (1..=1024).contains(&text.len())
            && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            && !text.starts_with(' ') && !text.ends_with(' ');
        if fits { Ok(()) } else {
            Err(InvalidValue("must be 1 to 1024 printable ASCII characters, without blanks at the ends"))
        }
    }
);
secret_value!(
    /// What deliveries are signed with: `whsec_` or `whsk_`, and 24 to 64 bytes in base64.
    Secret, |text| {
        let key = text.strip_prefix("whsec_").or_else(|| text.strip_prefix("whsk_"));
        let fits = key.is_some_and(|key| {
            let digits = key.trim_end_matches('=');
            (32..=88).contains(&key.len()) && key.len() - digits.len() <= 2 && key.len() % 4 == 0
                && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        });
        if fits { Ok(()) } else {
            Err(InvalidValue("must be 'whsec_' or 'whsk_' and 24 to 64 bytes in base64"))
        }
    }
);

impl WebhookUrl {
    /// The longest address, in bytes.
    pub const MAX_BYTES: usize = 2048;
}

impl Secret {
    /// The scheme it is for.
    #[must_use]
    pub fn signing(&self) -> super::Signing {
        if self.0.starts_with("whsk_") { super::Signing::Ed25519 } else { super::Signing::Hmac }
    }
}

/// Most deliveries a second: 1 to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct RateLimit(u16);

impl RateLimit {
    /// So many deliveries a second.
    pub const fn try_new(per_second: u16) -> Result<Self, InvalidValue> {
        match per_second {
            1..=1000 => Ok(Self(per_second)),
            _ => Err(InvalidValue("must be 1 to 1000 deliveries a second")),
        }
    }

    /// How many a second.
    #[must_use]
    pub const fn per_second(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for RateLimit {
    type Error = InvalidValue;

    fn try_from(per_second: u16) -> Result<Self, InvalidValue> {
        Self::try_new(per_second)
    }
}

impl From<RateLimit> for u16 {
    fn from(limit: RateLimit) -> Self {
        limit.0
    }
}

/// The waits before the attempts of a delivery, in seconds: one for each attempt, each after the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct RetrySchedule(Vec<u32>);

impl RetrySchedule {
    /// Most attempts.
    pub const MAX_ATTEMPTS: usize = 20;
    /// Longest wait, in seconds: a week.
    pub const MAX_WAIT: u32 = 7 * 24 * 3600;

    /// One attempt for each wait.
    pub fn try_new(waits: Vec<u32>) -> Result<Self, InvalidValue> {
        let fits = (1..=Self::MAX_ATTEMPTS).contains(&waits.len())
            && waits.iter().all(|wait| *wait <= Self::MAX_WAIT);
        if fits { Ok(Self(waits)) } else { Err(InvalidValue("must be 1 to 20 waits of 0 to 604800 seconds")) }
    }

    /// The waits in seconds, in order.
    #[must_use]
    pub fn seconds(&self) -> &[u32] {
        &self.0
    }

    /// The waits, in order.
    pub fn waits(&self) -> impl ExactSizeIterator<Item = Duration> + '_ {
        self.0.iter().map(|wait| Duration::from_secs(u64::from(*wait)))
    }
}

/// What Standard Webhooks recommends: ten attempts within about three days.
impl Default for RetrySchedule {
    fn default() -> Self {
        const HOUR: u32 = 3600;
        Self(vec![0, 5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR])
    }
}

impl TryFrom<Vec<u32>> for RetrySchedule {
    type Error = InvalidValue;

    fn try_from(waits: Vec<u32>) -> Result<Self, InvalidValue> {
        Self::try_new(waits)
    }
}

impl From<RetrySchedule> for Vec<u32> {
    fn from(schedule: RetrySchedule) -> Self {
        schedule.0
    }
}
