use super::{Destroyed, ErasureReason, ProfileDraft};
use crate::{CustomerId, DisplayName, Lid, PhoneNumber};

/// What may be asked of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Make it. Needs a number, an e-mail address or a LID.
    CreateCustomer {
        /// Its id.
        customer_id: CustomerId,
        /// What is known.
        profile: ProfileDraft,
        /// Its LID, when WhatsApp introduced it.
        lid: Option<Lid>,
    },
    /// Replace all that is known. Does nothing when nothing differs.
    UpdateCustomer {
        /// All that is known.
        profile: ProfileDraft,
    },
    /// Record what WhatsApp said of the customer. Adds what was missing, never replaces.
    LearnIdentity {
        /// A number.
        phone: Option<PhoneNumber>,
        /// A LID.
        lid: Option<Lid>,
        /// The name it shows.
        name: Option<DisplayName>,
    },
    /// Delete it.
    DeleteCustomer,
    /// Record that all that was known of it was destroyed. Does nothing the second time.
    EraseCustomer {
        /// Why.
        reason: Option<ErasureReason>,
        /// What was destroyed.
        destroyed: Destroyed,
    },
}
