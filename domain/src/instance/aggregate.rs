use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use super::{
    Account, ConnectionStatus, DisconnectReason, InstanceCommand, InstanceError, InstanceEvent, LoggedOutBy,
    Phase, Stability,
};
use crate::{Decide, InstanceId, InstanceName, Personal, Subject};

/// What the events of an instance amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Instance {
    identity: Option<(InstanceId, InstanceName)>,
    phase: Phase,
    #[serde(default)]
    stability: Stability,
}

impl Instance {
    /// Where it is in its life.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What the outside is told of its connection; nothing of one that does not exist (any more).
    #[must_use]
    pub const fn status(&self) -> Option<ConnectionStatus> {
        match self.phase {
            Phase::Unregistered | Phase::Deleted => None,
            Phase::Idle | Phase::Stopped { .. } | Phase::LoggedOut { .. } => Some(ConnectionStatus::Close),
            Phase::Pairing { .. } | Phase::LoggingIn { .. } | Phase::Reconnecting { .. } => {
                Some(ConnectionStatus::Connecting)
            }
            Phase::Open { .. } => Some(ConnectionStatus::Open),
        }
    }

    /// Whether it was registered and not deleted.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !matches!(self.phase, Phase::Unregistered | Phase::Deleted)
    }

    /// Whether it has a paired device that was not logged out.
    #[must_use]
    pub const fn is_linked(&self) -> bool {
        self.phase.account().is_some()
    }

    /// Its id, once registered.
    #[must_use]
    pub fn id(&self) -> Option<InstanceId> {
        self.identity.as_ref().map(|(id, _)| *id)
    }

    /// Its name, once registered.
    #[must_use]
    pub fn name(&self) -> Option<&InstanceName> {
        self.identity.as_ref().map(|(_, name)| name)
    }

    fn decide_qr(
        &self,
        qr_sha256: String,
        expires_at: DateTime<Utc>,
    ) -> Result<Vec<InstanceEvent>, InstanceError> {
        match &self.phase {
            Phase::Pairing { qr_sha256: Some(waiting), .. } if *waiting == qr_sha256 => Ok(vec![]),
            Phase::Pairing { .. } => Ok(vec![InstanceEvent::QrIssued { qr_sha256, expires_at }]),
            _ => Err(InstanceError::NotPairing),
        }
    }

    fn decide_pairing_expired(&self) -> Result<Vec<InstanceEvent>, InstanceError> {
        match &self.phase {
            Phase::Pairing { .. } => Ok(vec![InstanceEvent::PairingExpired {}]),
            Phase::Idle | Phase::LoggedOut { .. } => Ok(vec![]),
            _ => Err(InstanceError::NotPairing),
        }
    }

    fn decide_paired(&self, told: Account) -> Result<Vec<InstanceEvent>, InstanceError> {
        match &self.phase {
            Phase::Pairing { .. } => {
                Ok(vec![InstanceEvent::InstancePaired { phone: told.phone, lid: told.lid }])
            }
            linked if linked.account().is_some_and(|account| account.knows(&told)) => Ok(vec![]),
            _ => Err(InstanceError::NotPairing),
        }
    }

    fn decide_connected(&self, told: Account) -> Result<Vec<InstanceEvent>, InstanceError> {
        match &self.phase {
            Phase::Open { account } if account.knows(&told) => Ok(vec![]),
            linked if linked.account().is_some() => {
                let Account { phone, lid, profile_name } = told;
                Ok(vec![InstanceEvent::InstanceConnected { phone, lid, profile_name }])
            }
            _ => Err(InstanceError::NotLinked),
        }
    }

    fn decide_disconnected(&self, reason: DisconnectReason, at: DateTime<Utc>) -> Vec<InstanceEvent> {
        let known = match &self.phase {
            // Nothing is connected: there is no connection that could end.
            Phase::Unregistered
            | Phase::Idle
            | Phase::Stopped { .. }
            | Phase::LoggedOut { .. }
            | Phase::Deleted => return vec![],
            Phase::Pairing { interrupted, .. } => interrupted.as_ref(),
            Phase::Reconnecting { reason, .. } => Some(reason),
            Phase::LoggingIn { .. } | Phase::Open { .. } => None,
        };
        if known == Some(&reason) {
            return vec![];
        }
        let alarm = self.stability.flapping(at).filter(|_| reason.is_trouble());
        let alarm = alarm.map(|(since, disconnects)| InstanceEvent::FlappingDetected { since, disconnects });
        [InstanceEvent::InstanceDisconnected { reason, at: Some(at) }].into_iter().chain(alarm).collect()
    }

    fn decide_logged_out(&self, by: LoggedOutBy) -> Vec<InstanceEvent> {
        let gives_up_pairing = matches!(self.phase, Phase::Pairing { .. }) && by == LoggedOutBy::Api;
        if self.is_linked() || gives_up_pairing {
            vec![InstanceEvent::InstanceLoggedOut { by }]
        } else {
            vec![]
        }
    }
}

impl Decide for Instance {
    fn decide(&self, command: InstanceCommand) -> Result<Vec<InstanceEvent>, InstanceError> {
        use InstanceCommand as C;
        use InstanceEvent as E;

        let Some((instance_id, present_name)) = &self.identity else {
            return match command {
                C::RegisterInstance { instance_id, name } => {
                    Ok(vec![E::InstanceRegistered { instance_id, name }])
                }
                _ => Err(InstanceError::NotRegistered),
            };
        };
        if !self.exists() {
            return Err(InstanceError::Deleted);
        }
        let subject = Subject::Instance(*instance_id);
        let account = |phone: Option<_>, lid: Option<_>, profile_name: Option<_>| Account {
            phone: phone.map(|value| Personal::new(subject, value)),
            lid: lid.map(|value| Personal::new(subject, value)),
            profile_name: profile_name.map(|value| Personal::new(subject, value)),
        };
        match command {
            C::RegisterInstance { .. } => Err(InstanceError::AlreadyRegistered),
            C::RenameInstance { name } if name == *present_name => Ok(vec![]),
            C::RenameInstance { name } => Ok(vec![E::InstanceRenamed { name }]),
            C::RequestConnection => Ok(match self.phase {
                Phase::Idle | Phase::LoggedOut { .. } | Phase::Stopped { .. } => {
                    vec![E::ConnectionRequested {}]
                }
                _ => vec![],
            }),
            C::RecordQr { qr_sha256, expires_at } => self.decide_qr(qr_sha256, expires_at),
            C::RecordPairingExpired => self.decide_pairing_expired(),
            C::RecordPaired { phone, lid } => self.decide_paired(account(phone, lid, None)),
            C::RecordConnected { phone, lid, profile_name } => {
                self.decide_connected(account(phone, lid, profile_name))
            }
            C::RecordDisconnected { reason, at } => Ok(self.decide_disconnected(reason, at)),
            C::RecordLoggedOut { by } => Ok(self.decide_logged_out(by)),
            C::DeleteInstance => Ok(vec![E::InstanceDeleted {}]),
        }
    }
}

impl Aggregate for Instance {
    const TYPE: &'static str = "instance";
    type Command = InstanceCommand;
    type Event = InstanceEvent;
    type Error = InstanceError;
    type Services = ();

    async fn handle(
        &mut self,
        command: InstanceCommand,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), InstanceError> {
        self.write_decided(command, sink).await
    }

    fn apply(&mut self, event: InstanceEvent) {
        use InstanceEvent as E;

        let phase = std::mem::take(&mut self.phase);
        self.phase = match event {
            E::InstanceRegistered { instance_id, name } => {
                self.identity = Some((instance_id, name));
                Phase::Idle
            }
            E::InstanceRenamed { name } => {
                self.identity = self.identity.take().map(|(id, _)| (id, name));
                phase
            }
            E::ConnectionRequested {} => match phase.account().cloned() {
                Some(account) => Phase::LoggingIn { account },
                None => Phase::Pairing { qr_sha256: None, interrupted: None },
            },
            E::QrIssued { qr_sha256, .. } => Phase::Pairing { qr_sha256: Some(qr_sha256), interrupted: None },
            E::PairingExpired {} => Phase::Idle,
            E::InstancePaired { phone, lid } => {
                Phase::LoggingIn { account: Account { phone, lid, profile_name: None } }
            }
            E::InstanceConnected { phone, lid, profile_name } => {
                let known = phase.account().cloned().unwrap_or_default();
                Phase::Open { account: known.learning(Account { phone, lid, profile_name }) }
            }
            E::InstanceDisconnected { reason, at } => {
                if let Some(at) = at.filter(|_| reason.is_trouble()) {
                    self.stability = std::mem::take(&mut self.stability).broken(at);
                }
                phase.disconnected(reason)
            }
            E::FlappingDetected { .. } => {
                self.stability = std::mem::take(&mut self.stability).said();
                phase
            }
            E::InstanceLoggedOut { by } => Phase::LoggedOut { by },
            E::InstanceDeleted {} => Phase::Deleted,
        };
    }
}
