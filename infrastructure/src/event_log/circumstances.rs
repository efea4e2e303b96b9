//! What is stored beside an event: who, when asked for what, because of what.
//!
//! The address a caller has is a person's. It is sealed under the data key of the API key and the month, so that it can
//! be forgotten when its time is over; what is stored is `{key id}.{ciphertext}`, bound to the request it belongs to. The
//! rest is in clear.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::NaiveDate;
use interflow_application::Actor;
use interflow_application::audit::ClientAddress;
use interflow_application::log::{Append, LogError, StreamAppend, StreamId};
use interflow_application::metadata::{CLIENT_ADDRESS, Cause, CausedBy, Metadata, Origin, fields};
use interflow_domain::{EventId, Subject, WorkspaceId};
use interflow_vault::SealingKey;
use sqlx::PgConnection;
use uuid::Uuid;

use super::data_keys::{InUse, Keys};
use super::failure::Failure;
use super::prepared::Payload;
use super::sealing::{DataKey, SealError};

const FIRST: &str = "SELECT q.type, q.id, e.event_id, e.metadata::text FROM unnest($2::text[], $3::text[]) AS q(type, id), \
     LATERAL (SELECT event_id, metadata FROM events e WHERE e.workspace_id = $1 AND e.aggregate_type = q.type \
         AND e.aggregate_id = q.id AND e.sequence = 1 OFFSET 0) e";
const LATEST: &str = "SELECT q.type, q.id, e.event_id, e.metadata::text FROM unnest($2::text[], $3::text[]) AS q(type, id), \
     LATERAL (SELECT event_id, metadata FROM events e WHERE e.workspace_id = $1 AND e.aggregate_type = q.type \
         AND e.aggregate_id = q.id AND e.event_type = $4 ORDER BY e.sequence DESC LIMIT 1) e";

/// The circumstances of an append.
#[derive(Debug)]
pub(super) struct Circumstances {
    /// One map a stream of the append.
    parts: Vec<BTreeMap<&'static str, String>>,
    address: Option<Address>,
    /// As they are stored when the address is sealed under this key, which as a rule it is.
    early: Option<(Option<Uuid>, Vec<Metadata>)>,
}

/// Where a caller called from.
#[derive(Debug)]
struct Address {
    subject: Subject,
    text: String,
    request_id: String,
}

impl Circumstances {
    /// Of an append whose events have these payloads.
    pub(super) fn new(append: &Append, payloads: &[Payload]) -> Result<Self, LogError> {
        let context = &append.context;
        let mut firsts = HashMap::new();
        let mut left = payloads;
        for part in &append.streams {
            let (own, rest) = left.split_at_checked(part.events.len()).ok_or_else(uneven)?;
            if let Some(first) = own.first() {
                firsts.insert(part.stream, first.id);
            }
            left = rest;
        }
        let of = |part: &StreamAppend| match &part.cause {
            Some(CausedBy::Event(cause)) => fields(context, Some(cause), None),
            Some(CausedBy::Within(stream)) => {
                fields(context, None, firsts.get(stream).copied().filter(|_| *stream != part.stream))
            }
            None => fields(context, None, None),
        };
        let parts = append.streams.iter().map(of).collect();
        let address = match (&context.actor, context.client) {
            (Actor::Key(key), Some(client)) => Some(Address {
                subject: Subject::Key(*key),
                text: client.to_string(),
                request_id: context.request_id.clone(),
            }),
            _ => None,
        };
        Ok(Self { parts, address, early: None })
    }

    /// Whose the address is.
    pub(super) fn subject(&self) -> Option<Subject> {
        self.address.as_ref().map(|address| address.subject)
    }

    /// Makes them ready now, if the key is at hand.
    pub(super) fn seal_early(&mut self, key_of: impl Fn(Subject) -> Option<InUse>) {
        self.early = match &self.address {
            None => Some((None, self.written(None))),
            Some(address) => key_of(address.subject).map(|key| {
                let sealed = address.sealed(key.id, &key.key);
                (Some(key.id), self.written(Some(&sealed)))
            }),
        };
    }

    /// As they are stored under the keys of a group, one a stream.
    pub(super) fn sealed(&self, month: NaiveDate, keys: &Keys) -> Result<Cow<'_, [Metadata]>, SealError> {
        let key = match &self.address {
            Some(address) => Some(keys.get(&(address.subject, month)).ok_or(SealError::NoKey)?),
            None => None,
        };
        match &self.early {
            Some((id, written)) if *id == key.map(|key| key.id) => Ok(Cow::Borrowed(written)),
            _ => {
                let sealed = self.address.as_ref().zip(key);
                let sealed = sealed.map(|(address, key)| address.sealed(key.id, &key.key));
                Ok(Cow::Owned(self.written(sealed.as_deref())))
            }
        }
    }

    fn written(&self, address: Option<&str>) -> Vec<Metadata> {
        let write = |part: &BTreeMap<&'static str, String>| {
            let address = address.map(|address| (CLIENT_ADDRESS, address));
            let fields = part.iter().map(|(name, text)| (*name, text.as_str())).chain(address);
            // A map of texts is always JSON.
            Metadata::stored(serde_json::json!(fields.collect::<BTreeMap<_, _>>()).to_string())
        };
        self.parts.iter().map(write).collect()
    }
}

fn uneven() -> LogError {
    LogError::Corrupt("an append has more events than payloads".to_owned())
}

impl Address {
    fn sealed(&self, id: Uuid, key: &SealingKey) -> String {
        let sealed = key.seal(&place(&self.request_id), self.text.as_bytes());
        format!("{id}.{}", BASE64.encode(sealed))
    }
}

fn place(request_id: &str) -> Vec<u8> {
    [CLIENT_ADDRESS.as_bytes(), b"\0", request_id.as_bytes()].concat()
}

/// The key that a sealed address needs.
pub(super) fn address_key(sealed: &str) -> Option<Uuid> {
    sealed.split_once('.')?.0.parse().ok()
}

/// The address that was sealed in a request. A key that is not there is one that was destroyed.
pub(super) fn open_address(
    sealed: &str,
    request_id: &str,
    keys: &HashMap<Uuid, DataKey>,
) -> Result<ClientAddress, SealError> {
    let (id, sealed) = sealed.split_once('.').ok_or(SealError::Malformed)?;
    let id: Uuid = id.parse().map_err(|_| SealError::Malformed)?;
    let Some(key) = keys.get(&id).and_then(|key| key.key.as_ref()) else {
        return Ok(ClientAddress::Erased);
    };
    let sealed = BASE64.decode(sealed).map_err(|_| SealError::Malformed)?;
    let plain = key.open(&place(request_id), &sealed).map_err(|_| SealError::DoesNotOpen)?;
    let address = std::str::from_utf8(&plain).ok().and_then(|text| text.parse().ok());
    address.map(ClientAddress::Known).ok_or(SealError::Malformed)
}

/// Which event of each of these streams others follow from.
pub(super) async fn causes(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    streams: &[StreamId],
    origin: Origin,
) -> Result<HashMap<StreamId, Cause>, Failure> {
    let types: Vec<_> = streams.iter().map(|stream| stream.aggregate_type()).collect();
    let ids: Vec<_> = streams.iter().map(|stream| stream.aggregate_id()).collect();
    let sql = if matches!(origin, Origin::First) { FIRST } else { LATEST };
    let query = sqlx::query_as(sql).bind(workspace.uuid()).bind(types).bind(ids);
    let query = match origin {
        Origin::First => query,
        Origin::Latest(event_type) => query.bind(event_type),
    };
    let rows: Vec<(String, String, Uuid, String)> = query.fetch_all(connection).await?;
    let cause = |(stream_type, stream_id, event, metadata): (String, String, Uuid, String)| {
        let stream = StreamId::parse(&stream_type, &stream_id)?;
        Some((stream, Metadata::stored(metadata).cause(EventId::new(event))))
    };
    Ok(rows.into_iter().filter_map(cause).collect())
}
