//! Claims: what must be unique in a workspace, taken and released with the events that need it.

use std::collections::BTreeSet;

use interflow_domain::webhook::WebhookUrl;
use interflow_domain::{CustomerId, Email, InstanceId, InstanceName, Lid, PhoneNumber};

/// What kind of value is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// One customer a telephone number.
    CustomerPhone,
    /// One customer a LID.
    CustomerLid,
    /// One customer an e-mail address.
    CustomerEmail,
    /// One living instance a name.
    InstanceName,
    /// One chat that is not closed, an instance and customer.
    OpenChat,
    /// One living webhook an address and channel filter.
    WebhookUrl,
    /// The webhook that was created last, if it is not deleted: whoever creates one takes this over.
    NewestWebhook,
}

impl ClaimKind {
    /// The kind's name in storage.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CustomerPhone => "customer.phone",
            Self::CustomerLid => "customer.lid",
            Self::CustomerEmail => "customer.email",
            Self::InstanceName => "instance.name",
            Self::OpenChat => "chat.open",
            Self::WebhookUrl => "webhook.url",
            Self::NewestWebhook => "webhook.newest",
        }
    }
}

/// A value that at most one stream of a workspace may hold. Stored as a keyed hash, never in clear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The kind.
    pub kind: ClaimKind,
    /// The value, in the form in which two are compared.
    pub value: String,
}

impl Claim {
    /// A customer's number.
    #[must_use]
    pub fn customer_phone(phone: &PhoneNumber) -> Self {
        Self { kind: ClaimKind::CustomerPhone, value: phone.as_str().to_owned() }
    }

    /// A customer's LID.
    #[must_use]
    pub fn customer_lid(lid: &Lid) -> Self {
        Self { kind: ClaimKind::CustomerLid, value: lid.as_str().to_owned() }
    }

    /// A customer's e-mail address.
    #[must_use]
    pub fn customer_email(email: &Email) -> Self {
        Self { kind: ClaimKind::CustomerEmail, value: email.normalized() }
    }

    /// An instance's name.
    #[must_use]
    pub fn instance_name(name: &InstanceName) -> Self {
        Self { kind: ClaimKind::InstanceName, value: name.as_str().to_owned() }
    }

    /// The chat of an instance and a customer that is not closed.
    #[must_use]
    pub fn open_chat(instance: InstanceId, customer: CustomerId) -> Self {
        Self { kind: ClaimKind::OpenChat, value: format!("{instance}:{customer}") }
    }

    /// A webhook's address, for the channels it is filtered by (none means all of them).
    #[must_use]
    pub fn webhook_url(url: &WebhookUrl, channels: &BTreeSet<InstanceId>) -> Self {
        let channels: Vec<_> = channels.iter().map(ToString::to_string).collect();
        Self { kind: ClaimKind::WebhookUrl, value: format!("{}|{}", channels.join(","), url.expose()) }
    }

    /// The webhook that was created last. Of two that are created at once one loses the claim and decides again, so each
    /// sees how many there are.
    #[must_use]
    pub const fn newest_webhook() -> Self {
        Self { kind: ClaimKind::NewestWebhook, value: String::new() }
    }
}

/// Without the value, which may be personal.
impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claim({})", self.kind.name())
    }
}
