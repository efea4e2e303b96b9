use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{Destroyed, ErasureReason, Profile};
use crate::{CustomerId, DisplayName, Lid, Personal, PhoneNumber};

/// What happened to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CustomerEvent {
    /// The customer is known.
    #[serde(rename = "customer.created")]
    CustomerCreated {
        /// Its id.
        customer_id: CustomerId,
        /// What is known.
        profile: Profile,
        /// Its LID, when WhatsApp introduced it.
        lid: Option<Personal<Lid>>,
    },
    /// What is known of the customer is now this.
    #[serde(rename = "customer.updated")]
    CustomerUpdated {
        /// All that is known.
        profile: Profile,
    },
    /// WhatsApp said that this number is the customer's.
    #[serde(rename = "customer.phone_linked")]
    PhoneLinked {
        /// The number.
        phone: Personal<PhoneNumber>,
    },
    /// WhatsApp said that this LID is the customer's.
    #[serde(rename = "customer.lid_linked")]
    LidLinked {
        /// The LID.
        lid: Personal<Lid>,
    },
    /// A customer without a name shows this one on WhatsApp.
    #[serde(rename = "customer.named")]
    CustomerNamed {
        /// The name.
        name: Personal<DisplayName>,
    },
    /// The customer is gone; its number and addresses are free.
    #[serde(rename = "customer.deleted")]
    CustomerDeleted {},
    /// All that was known of the customer was destroyed. The certificate of it, and the last event there will be.
    #[serde(rename = "customer.erased")]
    CustomerErased {
        /// Why.
        reason: Option<ErasureReason>,
        /// What was destroyed.
        destroyed: Destroyed,
    },
}

impl DomainEvent for CustomerEvent {
    fn event_type(&self) -> String {
        match self {
            Self::CustomerCreated { .. } => "customer.created",
            Self::CustomerUpdated { .. } => "customer.updated",
            Self::PhoneLinked { .. } => "customer.phone_linked",
            Self::LidLinked { .. } => "customer.lid_linked",
            Self::CustomerNamed { .. } => "customer.named",
            Self::CustomerDeleted {} => "customer.deleted",
            Self::CustomerErased { .. } => "customer.erased",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}
