//! W3C Trace Context, level 1: which trace something belongs to, and which span of it recorded it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Somebody keeps what is told under this trace: here, the event log does.
const SAMPLED: u8 = 1;
/// What a `traceparent` of version 00 has, and later versions at least.
const LENGTH: usize = 55;

/// A span of a trace, as a `traceparent` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

/// What was given is no `traceparent`; it is to be ignored, and a new trace begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no traceparent of W3C Trace Context")]
pub struct InvalidTrace;

impl Trace {
    /// A new trace, of its own name, which must be nobody else's.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name).into();
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&digest[..16]);
        span.copy_from_slice(&digest[16..24]);
        Self { trace, span, flags: SAMPLED }
    }

    /// The same span as a part of another one's trace, which says whether that is sampled.
    #[must_use]
    pub const fn within(self, parent: Self) -> Self {
        Self { trace: parent.trace, flags: parent.flags & SAMPLED, ..self }
    }

    /// The trace, in lower-case hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex::encode(self.trace), hex::encode(self.span), self.flags)
    }
}

impl FromStr for Trace {
    type Err = InvalidTrace;

    /// Of a later version what this one knows is read.
    fn from_str(text: &str) -> Result<Self, InvalidTrace> {
        read(text).ok_or(InvalidTrace)
    }
}

fn read(text: &str) -> Option<Trace> {
    let (known, rest) = text.as_bytes().split_at_checked(LENGTH)?;
    let dashes = [2, 35, 52].iter().all(|place| known.get(*place) == Some(&b'-'));
    let version: [u8; 1] = digits(known.get(..2)?)?;
    let fits = match version[0] {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|byte| *byte == b'-'),
    };
    let trace: [u8; 16] = digits(known.get(3..35)?)?;
    let span: [u8; 8] = digits(known.get(36..52)?)?;
    let [flags] = digits(known.get(53..)?)?;
    (dashes && fits && trace != [0; 16] && span != [0; 8]).then_some(Trace { trace, span, flags })
}

/// In lower case: other digits are refused by the standard.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower = text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_back() {
        assert_eq!(GOOD.parse::<Trace>().unwrap().to_string(), GOOD);
        let later = format!("cc{}-what-else", &GOOD[2..]);
        assert_eq!(later.parse::<Trace>().unwrap().to_string(), GOOD, "of a later version what is known");
        assert_eq!(format!("cc{}", &GOOD[2..]).parse::<Trace>().unwrap().to_string(), GOOD);
    }

    #[test]
    fn what_the_standard_refuses_is_none() {
        let zeros =
            |from: usize, to: usize| format!("{}{}{}", &GOOD[..from], "0".repeat(to - from), &GOOD[to..]);
        for text in [
            "",
            &GOOD[..54],
            &format!("{GOOD}-00"),
            &format!("{GOOD} "),
            &GOOD.to_uppercase(),
            &format!("ff{}", &GOOD[2..]),
            &format!("cc{}x", &GOOD[2..]),
            &GOOD.replace('-', "_"),
            &GOOD.replace("4bf9", "4bg9"),
            &zeros(3, 35),
            &zeros(36, 52),
            "ééééééééééééééééééééééééééééééééééééé",
        ] {
            assert_eq!(text.parse::<Trace>(), Err(InvalidTrace), "{text}");
        }
    }

    #[test]
    fn a_span_joins_the_trace_it_is_called_in_and_keeps_its_own_name() {
        let (own, parent) = (Trace::named("req_1"), GOOD.parse::<Trace>().unwrap());
        let joined = own.within(parent);
        assert_eq!(joined.trace_id(), parent.trace_id());
        assert_eq!(joined.span, own.span);
        let unsampled: Trace = format!("{}fe", &GOOD[..53]).parse().unwrap();
        assert!(
            own.within(unsampled).to_string().ends_with("-00"),
            "only what is known of the flags goes on"
        );
        assert_ne!(Trace::named("req_1"), Trace::named("req_2"));
    }
}
