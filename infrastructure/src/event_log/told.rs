//! Events as an auditor sees them: with their circumstances, and whatever they say.

use std::collections::{BTreeMap, BTreeSet};

use interflow_application::audit::{Aggregate, AuditEvent, Circumstances, ClientAddress, shown};
use interflow_application::metadata::{
    ACTOR, CAUSATION_ID, CLIENT_ADDRESS, CORRELATION_ID, REQUEST_ID, TRACEPARENT,
};
use interflow_domain::WorkspaceId;
use sqlx::PgConnection;

use super::circumstances::{address_key, open_address};
use super::failure::Failure;
use super::{PgEventLog, reader};

impl PgEventLog {
    /// The events at these positions, in no order.
    pub(crate) async fn told(
        &self,
        connection: &mut PgConnection,
        workspace: WorkspaceId,
        positions: &[i64],
    ) -> Result<Vec<AuditEvent>, Failure> {
        let keys = &self.inner.keys;
        let opened = reader::at(connection, keys, workspace, positions).await?;
        let metadata: Vec<_> = opened.iter().map(|event| event.metadata().fields()).collect();
        let sealed = metadata.iter().filter_map(|fields| fields.get(CLIENT_ADDRESS));
        let wanted: BTreeSet<_> = sealed.filter_map(|sealed| address_key(sealed)).collect();
        let keys = keys.to_open(connection, workspace, wanted).await?;
        let mut told = Vec::with_capacity(opened.len());
        for (event, mut fields) in opened.into_iter().zip(metadata) {
            let client_address = match fields.remove(CLIENT_ADDRESS) {
                Some(sealed) => {
                    let request = fields.get(REQUEST_ID).map_or("", String::as_str);
                    open_address(&sealed, request, &keys).map_err(|why| event.unreadable(&why.to_string()))?
                }
                None => ClientAddress::None,
            };
            told.push(audited(event, fields, client_address)?);
        }
        Ok(told)
    }
}

fn audited(
    event: reader::Opened,
    mut fields: BTreeMap<String, String>,
    client_address: ClientAddress,
) -> Result<AuditEvent, Failure> {
    let reader::Told { id, stream, position, version, recorded_at, event_type, event_version, payload } =
        event.told()?;
    let (payload, erased) = shown(payload);
    Ok(AuditEvent {
        id,
        position,
        aggregate: Aggregate { kind: stream.aggregate_type().to_owned(), id: stream.aggregate_id() },
        version,
        event_type,
        event_version,
        recorded_at,
        circumstances: Circumstances {
            actor: fields.remove(ACTOR),
            request_id: fields.remove(REQUEST_ID),
            correlation_id: fields.remove(CORRELATION_ID),
            causation_id: fields.remove(CAUSATION_ID),
            traceparent: fields.remove(TRACEPARENT),
            client_address,
        },
        payload,
        erased,
    })
}
