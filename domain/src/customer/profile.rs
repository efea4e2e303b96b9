use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CustomerId, DisplayName, Email, ExternalId, Personal, PhoneNumber, Subject, Tag};

/// What a caller says of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileDraft {
    /// The name.
    pub name: Option<DisplayName>,
    /// The e-mail address.
    pub email: Option<Email>,
    /// The telephone number.
    pub phone: Option<PhoneNumber>,
    /// The id in the caller's own system.
    pub external_id: Option<ExternalId>,
    /// Labels, each once, at most [`ProfileDraft::MAX_TAGS`].
    pub tags: BTreeSet<Tag>,
    /// Free fields, at most [`ProfileDraft::MAX_ATTRIBUTES_BYTES`] as JSON, nested at most
    /// [`ProfileDraft::MAX_ATTRIBUTES_DEPTH`].
    pub attributes: Map<String, Value>,
}

impl ProfileDraft {
    /// Most labels on one customer.
    pub const MAX_TAGS: usize = 50;
    /// Largest JSON of the free fields, in bytes.
    pub const MAX_ATTRIBUTES_BYTES: usize = 16 * 1024;
    /// Deepest nesting of the free fields: the map itself is the first. JSON readers give up somewhere (serde_json at
    /// 128), and what was stored must be readable inside its event too.
    pub const MAX_ATTRIBUTES_DEPTH: usize = 32;

    /// The draft as the customer's own data.
    #[must_use]
    pub fn belonging_to(self, customer: CustomerId) -> Profile {
        let subject = Subject::Customer(customer);
        Profile {
            name: self.name.map(|value| Personal::new(subject, value)),
            email: self.email.map(|value| Personal::new(subject, value)),
            phone: self.phone.map(|value| Personal::new(subject, value)),
            external_id: self.external_id.map(|value| Personal::new(subject, value)),
            tags: BTreeSet::new(),
            labels: (!self.tags.is_empty()).then(|| Personal::new(subject, self.tags)),
            attributes: (!self.attributes.is_empty()).then(|| Personal::new(subject, self.attributes)),
        }
    }
}

/// What is known of a customer, all of it personal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// The name.
    pub name: Option<Personal<DisplayName>>,
    /// The e-mail address.
    pub email: Option<Personal<Email>>,
    /// The telephone number.
    pub phone: Option<Personal<PhoneNumber>>,
    /// The id in the caller's own system.
    pub external_id: Option<Personal<ExternalId>>,
    /// Labels in clear, as the first events have them: an erasure cannot take these.
    pub tags: BTreeSet<Tag>,
    /// Labels. Not written when there are none: the first events stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Personal<BTreeSet<Tag>>>,
    /// Free fields.
    pub attributes: Option<Personal<Map<String, Value>>>,
}

impl Profile {
    /// The labels that are not erased.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.labels.as_ref().and_then(Personal::get).unwrap_or(&self.tags).iter()
    }
}
