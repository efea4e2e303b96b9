//! What the events of a customer make of its row.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::read::Customer;
use interflow_domain::customer::{CustomerEvent, Profile};
use interflow_domain::{CustomerId, Personal};
use serde_json::Map;

use crate::read_models::columns::clear;

/// A row of `customers`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: Customer,
    pub(in crate::read_models) created_position: u64,
}

pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent) {
    use CustomerEvent as E;

    let Event::Customer(event) = &recorded.event else { return };
    match event {
        E::CustomerCreated { customer_id, profile, lid } => {
            let mut view = unknown(*customer_id, recorded);
            describe(&mut view, profile);
            view.lid = clear(lid.as_ref());
            *row = Some(Row { view, created_position: recorded.position });
        }
        E::CustomerDeleted {} | E::CustomerErased { .. } => *row = None,
        E::CustomerUpdated { .. } | E::PhoneLinked { .. } | E::LidLinked { .. } | E::CustomerNamed { .. } => {
            if let Some(Row { view, .. }) = row {
                change(view, event);
                view.updated_at = recorded.recorded_at;
                view.version = recorded.version;
            }
        }
    }
}

fn change(view: &mut Customer, event: &CustomerEvent) {
    use CustomerEvent as E;

    match event {
        E::CustomerUpdated { profile } => describe(view, profile),
        E::PhoneLinked { phone } => view.phone = clear(Some(phone)),
        E::LidLinked { lid } => view.lid = clear(Some(lid)),
        E::CustomerNamed { name } => view.name = clear(Some(name)),
        E::CustomerCreated { .. } | E::CustomerDeleted {} | E::CustomerErased { .. } => {}
    }
}

fn unknown(id: CustomerId, recorded: &RecordedEvent) -> Customer {
    Customer {
        id,
        name: None,
        email: None,
        phone: None,
        lid: None,
        external_id: None,
        tags: vec![],
        attributes: Map::new(),
        created_at: recorded.recorded_at,
        updated_at: recorded.recorded_at,
        version: recorded.version,
    }
}

fn describe(view: &mut Customer, profile: &Profile) {
    view.name = clear(profile.name.as_ref());
    view.email = clear(profile.email.as_ref());
    view.phone = clear(profile.phone.as_ref());
    view.external_id = clear(profile.external_id.as_ref());
    view.tags = profile.tags().map(ToString::to_string).collect();
    view.attributes = profile.attributes.as_ref().and_then(Personal::get).cloned().unwrap_or_default();
}
