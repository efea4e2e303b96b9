use serde::{Deserialize, Serialize};

use super::{DisconnectReason, LoggedOutBy};
use crate::{DisplayName, Lid, Personal, PhoneNumber};

/// Where an instance is in its life. It is linked exactly where there is an account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// It does not exist yet.
    #[default]
    Unregistered,
    /// Not linked and not asked to connect: never, or the pairing ended without a scan.
    Idle,
    /// Not linked, and a QR is, or will be, waiting for a scan.
    Pairing {
        /// SHA-256 of the QR that waits.
        qr_sha256: Option<String>,
        /// Why the connection broke that brings the next QR.
        interrupted: Option<DisconnectReason>,
    },
    /// Linked, and its first login since somebody asked for it is under way.
    LoggingIn {
        /// Whom it is linked to.
        account: Account,
    },
    /// Linked, logged in and able to send.
    Open {
        /// Whom it is linked to.
        account: Account,
    },
    /// Linked, and the connection that ended is tried again by itself.
    Reconnecting {
        /// Whom it is linked to.
        account: Account,
        /// Why the connection ended.
        reason: DisconnectReason,
    },
    /// Linked, and the connection that ended waits for somebody to ask for it.
    Stopped {
        /// Whom it is linked to.
        account: Account,
        /// Why the connection ended.
        reason: DisconnectReason,
    },
    /// No longer linked: the next connection pairs anew.
    LoggedOut {
        /// Who ended the link.
        by: LoggedOutBy,
    },
    /// Gone.
    Deleted,
}

/// The WhatsApp account an instance is linked to, as far as WhatsApp told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub phone: Option<Personal<PhoneNumber>>,
    /// Its LID.
    pub lid: Option<Personal<Lid>>,
    /// The name it shows.
    pub profile_name: Option<Personal<DisplayName>>,
}

impl Account {
    /// What is known once this is told as well: what is not told stays as it was.
    pub(super) fn learning(self, told: Self) -> Self {
        Self {
            phone: told.phone.or(self.phone),
            lid: told.lid.or(self.lid),
            profile_name: told.profile_name.or(self.profile_name),
        }
    }

    /// Whether being told this is no news.
    pub(super) fn knows(&self, told: &Self) -> bool {
        self.clone().learning(told.clone()) == *self
    }
}

impl Phase {
    /// The account, where the instance is linked to one.
    #[must_use]
    pub const fn account(&self) -> Option<&Account> {
        match self {
            Self::LoggingIn { account }
            | Self::Open { account }
            | Self::Reconnecting { account, .. }
            | Self::Stopped { account, .. } => Some(account),
            Self::Unregistered
            | Self::Idle
            | Self::Pairing { .. }
            | Self::LoggedOut { .. }
            | Self::Deleted => None,
        }
    }

    /// Where the end of the connection leads.
    pub(super) fn disconnected(self, reason: DisconnectReason) -> Self {
        match self {
            Self::Pairing { qr_sha256, .. } if reason.is_retried() => {
                Self::Pairing { qr_sha256, interrupted: Some(reason) }
            }
            Self::Pairing { .. } => Self::Idle,
            Self::LoggingIn { account }
            | Self::Open { account }
            | Self::Reconnecting { account, .. }
            | Self::Stopped { account, .. } => {
                if reason.is_retried() {
                    Self::Reconnecting { account, reason }
                } else {
                    Self::Stopped { account, reason }
                }
            }
            unconnected @ (Self::Unregistered | Self::Idle | Self::LoggedOut { .. } | Self::Deleted) => {
                unconnected
            }
        }
    }
}
