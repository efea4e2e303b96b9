//! Opening events for somebody else, who is to check that what is shown is what was sealed.

use std::collections::BTreeSet;

use interflow_domain::{EventId, WorkspaceId};
use serde_json::Value;
use sqlx::PgConnection;

use super::PgEventLog;
use super::data_keys::DataKeys;
use super::failure::Failure;
use super::sealing::{self, Opening};

/// Opens payloads, with a memory of its own for keys.
pub(crate) struct Disclosure {
    keys: DataKeys,
}

/// A payload that is open, and what opens each value of it.
pub(crate) struct Disclosed {
    pub(crate) opened: Value,
    pub(crate) openings: Vec<Opening>,
}

impl PgEventLog {
    pub(crate) fn disclosure(&self) -> Disclosure {
        Disclosure { keys: self.inner.keys.afresh() }
    }
}

impl Disclosure {
    /// The payloads of these events, in their order.
    pub(crate) async fn of(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        events: &[(EventId, &str)],
    ) -> Result<Vec<Disclosed>, Failure> {
        let refused = |what: String| Failure::Refused(what);
        let mut wanted = BTreeSet::new();
        let mut payloads: Vec<(EventId, Value)> = vec![];
        for (event, payload) in events {
            let payload: Value = serde_json::from_str(payload)
                .map_err(|_| refused(format!("the payload of {event} is no JSON")))?;
            sealing::key_ids(&payload, &mut wanted).map_err(|error| refused(format!("{event}: {error}")))?;
            payloads.push((*event, payload));
        }
        let keys = self.keys.to_open(connection, workspace, wanted).await?;
        let disclose = |(event, mut opened): (EventId, Value)| {
            let openings = sealing::disclose(&mut opened, event, &|key| keys.get(&key));
            let openings = openings.map_err(|error| refused(format!("{event}: {error}")))?;
            Ok(Disclosed { opened, openings })
        };
        payloads.into_iter().map(disclose).collect()
    }
}
