use chrono::{DateTime, Utc};
use interflow_domain::customer::{CustomerEvent, Profile};
use interflow_domain::{CustomerId, Personal};
use serde_json::{Map, Value};

use super::{Known, Portrait};
use crate::log::{Event, RecordedEvent};

/// A customer at a moment; one that is deleted is known by its id alone.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomerPortrait {
    /// Its id.
    pub id: CustomerId,
    /// Whether it is gone.
    pub deleted: bool,
    /// Whether what was known of it was destroyed.
    pub erased: bool,
    /// The name.
    pub name: Known<String>,
    /// The e-mail address.
    pub email: Known<String>,
    /// The telephone number.
    pub phone: Known<String>,
    /// The LID.
    pub lid: Known<String>,
    /// The id in the caller's own system.
    pub external_id: Known<String>,
    /// Labels.
    pub tags: Known<Vec<String>>,
    /// Free fields.
    pub attributes: Known<Map<String, Value>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its latest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// How many events it had.
    pub version: u64,
}

impl CustomerPortrait {
    fn unknown(id: CustomerId, created_at: DateTime<Utc>) -> Self {
        Self {
            id,
            deleted: false,
            erased: false,
            name: Known::Absent,
            email: Known::Absent,
            phone: Known::Absent,
            lid: Known::Absent,
            external_id: Known::Absent,
            tags: Known::Absent,
            attributes: Known::Absent,
            created_at,
            updated_at: created_at,
            version: 0,
        }
    }

    fn describe(&mut self, profile: &Profile) {
        self.name = Known::text(profile.name.as_ref());
        self.email = Known::text(profile.email.as_ref());
        self.phone = Known::text(profile.phone.as_ref());
        self.external_id = Known::text(profile.external_id.as_ref());
        self.tags = match &profile.labels {
            Some(Personal::Erased { .. }) => Known::Erased,
            _ => Known::Clear(profile.tags().map(ToString::to_string).collect()),
        };
        self.attributes = Known::from(profile.attributes.as_ref(), Clone::clone);
    }
}

impl Portrait for CustomerPortrait {
    fn fold(portrait: &mut Option<Self>, recorded: &RecordedEvent) {
        use CustomerEvent as E;

        let Event::Customer(event) = &recorded.event else { return };
        if let E::CustomerCreated { customer_id, profile, lid } = event {
            let mut created = Self::unknown(*customer_id, recorded.recorded_at);
            created.describe(profile);
            created.lid = Known::text(lid.as_ref());
            *portrait = Some(created);
        }
        let Some(customer) = portrait else { return };
        match event {
            E::CustomerCreated { .. } => {}
            E::CustomerUpdated { profile } => customer.describe(profile),
            E::PhoneLinked { phone } => customer.phone = Known::text(Some(phone)),
            E::LidLinked { lid } => customer.lid = Known::text(Some(lid)),
            E::CustomerNamed { name } => customer.name = Known::text(Some(name)),
            E::CustomerDeleted {} => {
                *customer = Self { deleted: true, ..Self::unknown(customer.id, customer.created_at) };
            }
            E::CustomerErased { .. } => {
                let nothing = Self::unknown(customer.id, customer.created_at);
                *customer = Self { deleted: true, erased: true, ..nothing };
            }
        }
        customer.updated_at = recorded.recorded_at;
        customer.version = recorded.version;
    }
}
