//! What of an event is hashed into the tree. Its form never changes: a new one would have another mark.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::merkle::Hash;

/// The first bytes of every entry: what it is, and the version of its form.
pub const MARK: [u8; 4] = *b"IFE1";

/// An event as its leaf has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Whose log.
    pub workspace: Uuid,
    /// Its place in it, from 1: the leaf's index and one.
    pub position: u64,
    /// The event's id.
    pub event: Uuid,
    /// Its place in its stream, from 1.
    pub sequence: u64,
    /// When it was recorded, to the microsecond.
    pub recorded_at: DateTime<Utc>,
    /// SHA-256 of its metadata, as stored.
    pub metadata: Hash,
    /// SHA-256 of its payload, as stored: personal values sealed.
    pub payload: Hash,
    /// The kind of its stream.
    pub aggregate_type: String,
    /// The id of its stream.
    pub aggregate_id: String,
    /// What it is.
    pub event_type: String,
    /// The version of its shape.
    pub event_version: String,
}

impl Leaf {
    /// The bytes: numbers in network byte order, then four texts, each with its length in two bytes before it.
    #[must_use]
    pub fn entry(&self) -> Vec<u8> {
        let mut entry = Vec::with_capacity(256);
        entry.extend(MARK);
        entry.extend(self.workspace.as_bytes());
        entry.extend(self.position.to_be_bytes());
        entry.extend(self.event.as_bytes());
        entry.extend(self.sequence.to_be_bytes());
        entry.extend(self.recorded_at.timestamp_micros().to_be_bytes());
        entry.extend(self.metadata.0);
        entry.extend(self.payload.0);
        for text in [&self.aggregate_type, &self.aggregate_id, &self.event_type, &self.event_version] {
            // None of ours is longer; the length says what is there, so no two leaves have the same bytes.
            let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
            entry.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
            entry.extend(text);
        }
        entry
    }

    /// Its hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::leaf(&self.entry())
    }
}

/// Entries side by side, each with its length in two bytes before it: what a tile of entries is.
#[must_use]
pub fn bundle(leaves: &[Leaf]) -> Vec<u8> {
    let mut bundle = vec![];
    for entry in leaves.iter().map(Leaf::entry) {
        bundle.extend(u16::try_from(entry.len()).unwrap_or(u16::MAX).to_be_bytes());
        bundle.extend(entry);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of docs/audit-log.md.
    #[test]
    fn an_entry_has_the_documented_bytes() {
        let leaf = Leaf {
            workspace: Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
            position: 7,
            event: Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001),
            sequence: 2,
            recorded_at: "2026-01-31T12:00:00.000001Z".parse().unwrap(),
            metadata: Hash::of(b"{}"),
            payload: Hash::of(br#"{"type":"chat.closed"}"#),
            aggregate_type: "chat".to_owned(),
            aggregate_id: "cht_1".to_owned(),
            event_type: "chat.closed".to_owned(),
            event_version: "1.0".to_owned(),
        };
        let expected = [
            "49464531",
            "00112233445566778899aabbccddeeff",
            "0000000000000007",
            "01980000000070008000000000000001",
            "0000000000000002",
            "000649add4493001",
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            &hex::encode(Hash::of(br#"{"type":"chat.closed"}"#).0),
            "0004",
            "63686174",
            "0005",
            "6368745f31",
            "000b",
            "636861742e636c6f736564",
            "0003",
            "312e30",
        ];
        assert_eq!(hex::encode(leaf.entry()), expected.concat());
        assert_eq!(bundle(std::slice::from_ref(&leaf)).len(), leaf.entry().len() + 2);
        assert_eq!(leaf.hash(), Hash::leaf(&leaf.entry()));
    }
}
