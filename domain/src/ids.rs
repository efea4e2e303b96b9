//! Typed identifiers: a prefix that says what the id names, and a UUID, printed in the TypeID form
//! (`msg_01h455vb4pex5vsknk084sn02q`). A bare UUID is accepted on input.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What was given is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like '{prefix}_…' or a UUID")]
pub struct InvalidId {
    /// The prefix that was wanted, without the underscore.
    pub prefix: &'static str,
}

/// Crockford's alphabet in lower case, as TypeID 0.3 fixes it.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in digits of five bits, the first of which holds only three.
const SUFFIX_LEN: usize = 26;

fn encode(uuid: Uuid) -> String {
    let value = uuid.as_u128();
    (0..SUFFIX_LEN).rev().map(|digit| char::from(ALPHABET[((value >> (digit * 5)) & 31) as usize])).collect()
}

fn decode(suffix: &str) -> Option<Uuid> {
    if suffix.len() != SUFFIX_LEN || suffix.as_bytes()[0] > b'7' {
        return None;
    }
    suffix
        .bytes()
        .try_fold(0_u128, |value, byte| {
            let digit = ALPHABET.iter().position(|candidate| *candidate == byte)?;
            Some((value << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
}

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of the printed form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id that names this UUID.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the printed form.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        /// The nil id: what a stream is before its first event.
        impl Default for $name {
            fn default() -> Self {
                Self(Uuid::nil())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let suffix = text.strip_prefix(concat!($prefix, "_"));
                suffix
                    .map_or_else(|| Uuid::try_parse(text).ok(), decode)
                    .map(Self)
                    .ok_or(InvalidId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

typed_id!(
    /// A tenant. Every key and every query carries it.
    WorkspaceId, "wsp");
typed_id!(
    /// One WhatsApp connection; the Interflow API calls it a channel.
    InstanceId, "ins");
typed_id!(
    /// A person who writes to, or is written to by, a workspace.
    CustomerId, "cus");
typed_id!(
    /// A conversation with one customer through one instance.
    ChatId, "cht");
typed_id!(
    /// One message, inbound or outbound.
    MessageId, "msg");
typed_id!(
    /// An API key of a workspace (its name, never its secret).
    KeyId, "key");
typed_id!(
    /// Work on many things that one call asked for.
    JobId, "job");
typed_id!(
    /// One recorded event.
    EventId, "evt");
typed_id!(
    /// A webhook endpoint of a workspace.
    WebhookId, "whk");
typed_id!(
    /// What one webhook endpoint is told of one event, however often it is tried.
    DeliveryId, "dlv");
typed_id!(
    /// A checkpoint of a workspace's log that was anchored.
    CheckpointId, "chk");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_as_the_type_id_specification_says() {
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!(MessageId::new(uuid).to_string(), "msg_01h455vb4pex5vsknk084sn02q");
    }

    #[test]
    fn an_id_is_read_back_from_its_print_and_from_a_bare_uuid() {
        let uuid: Uuid = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert_eq!("msg_01h455vb4pex5vsknk084sn02q".parse(), Ok(MessageId::new(uuid)));
        assert_eq!("01890a5d-ac96-774b-bcce-b302099a8057".parse(), Ok(MessageId::new(uuid)));
    }

    #[test]
    fn an_id_of_another_kind_or_with_a_bad_suffix_is_refused() {
        for text in [
            "cus_01h455vb4pex5vsknk084sn02q",
            "msg_01h455vb4pex5vsknk084sn02",
            "msg_81h455vb4pex5vsknk084sn02q",
            "msg_01h455vb4pex5vsknk084sn0u!",
            "msg_ñ1h455vb4pex5vsknk084sn02",
            "msg_",
            "",
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(InvalidId { prefix: "msg" }), "{text}");
        }
    }

    #[test]
    fn every_uuid_survives_the_round_trip() {
        for value in [0, 1, u128::MAX, u128::MAX >> 1, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = ChatId::new(Uuid::from_u128(value));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
