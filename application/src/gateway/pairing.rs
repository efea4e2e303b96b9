//! What a person sees of pairing: the QR to scan, or the code to type. Both are secrets that live in memory alone.

use std::time::Duration;

use chrono::{DateTime, Utc};
use interflow_domain::instance::{ConnectionStatus, InstanceCommand};
use interflow_domain::{InstanceId, InstanceName, PhoneNumber, WorkspaceId};

use super::Gateway;
use super::slot::Slot;
use crate::read::Channel;
use crate::whatsapp::PairCode;
use crate::{ChannelRef, ConnectInstance, Context, Error};

/// How long a connected device may take to log in before `connect` answers that it is still connecting.
const LOGIN_WAIT: Duration = Duration::from_secs(5);

/// Something that links a device while it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown {
    /// The string behind the QR, or the characters to type.
    pub code: String,
    /// Until when WhatsApp accepts it.
    pub expires_at: DateTime<Utc>,
}

/// What `connect` found.
#[derive(Debug, Clone)]
pub struct Connected {
    /// The channel.
    pub channel: Channel,
    /// The QR to show, unless it is open or logging in.
    pub qr: Option<Shown>,
    /// The code to type instead, where one was asked for and there is a QR.
    pub pair_code: Option<Shown>,
}

impl Gateway {
    /// Connects an instance, which is registered when there is none with this name. When it has to be paired, answers
    /// with the QR as soon as there is one.
    pub async fn connect(&self, context: &Context, name: &InstanceName) -> Result<Connected, Error> {
        let instance = self.0.core.run(context, &ConnectInstance { name: name.clone() }).await?.output;
        self.connected(context, instance, None).await
    }

    /// Connects a channel that there is. With a number, answers with a code to type into its phone as well as the QR.
    pub async fn connect_channel(
        &self,
        context: &Context,
        channel: &ChannelRef,
        phone: Option<&PhoneNumber>,
    ) -> Result<Connected, Error> {
        let instance = channel.find(&*self.0.core.reads, context.workspace).await?.id;
        self.record(context, instance, InstanceCommand::RequestConnection).await?;
        self.connected(context, instance, phone).await
    }

    async fn connected(
        &self,
        context: &Context,
        instance: InstanceId,
        phone: Option<&PhoneNumber>,
    ) -> Result<Connected, Error> {
        let slot = self.slot(context, instance);
        slot.ensure_open(self).await?;
        let linked = self.channel(context, instance).await?.linked;
        let patience = self.0.settings.connect_timeout.min(if linked { LOGIN_WAIT } else { Duration::MAX });
        let qr = match slot.first_qr_or_open(patience).await {
            Some(qr) => qr,
            None if linked => None,
            None => {
                return Err(Error::Unavailable("WhatsApp has not issued a QR in time: try again".to_owned()));
            }
        };
        let pair_code = match phone.filter(|_| qr.is_some()) {
            Some(phone) => Some(slot.pair_code(self, phone).await?),
            None => None,
        };
        let channel = self.channel(context, instance).await?;
        Ok(Connected { channel, qr, pair_code })
    }

    /// The QR that this server shows of a channel now, if it does.
    #[must_use]
    pub fn qr_of(&self, workspace: WorkspaceId, channel: InstanceId) -> Option<Shown> {
        let slot = self.slots().get(&channel).cloned()?;
        if slot.workspace == workspace { slot.qr() } else { None }
    }

    /// The channel that is to be scanned now, and its QR. Refused, with what to do, when there is nothing to scan.
    pub async fn qr(&self, context: &Context, channel: &ChannelRef) -> Result<(Channel, Shown), Error> {
        let channel = channel.find(&*self.0.core.reads, context.workspace).await?;
        let nothing = |why: &str| Err(Error::Conflict(format!("there is nothing to scan: {why}")));
        match (channel.status, channel.linked) {
            (ConnectionStatus::Open, _) => nothing("the channel is open"),
            (ConnectionStatus::Connecting, true) => nothing("the channel is linked and logs in by itself"),
            (ConnectionStatus::Close, _) => nothing("the channel is not connecting: connect it first"),
            (ConnectionStatus::Connecting, false) => {
                let qr = self.qr_of(context.workspace, channel.id).ok_or_else(|| {
                    Error::Unavailable(
                        "the channel is pairing and this server has no QR of it: try again, or ask the server that \
                         connects it"
                            .to_owned(),
                    )
                })?;
                Ok((channel, qr))
            }
        }
    }
}

impl Slot {
    /// The code to type into the phone of this number: the one that is shown already, or another.
    pub async fn pair_code(&self, gateway: &Gateway, phone: &PhoneNumber) -> Result<Shown, Error> {
        let _asking = self.asking.lock().await;
        let now = gateway.0.core.clock.now();
        let shown = self.shown_pair_code();
        if let Some((_, shown)) = shown.filter(|(number, shown)| number == phone && shown.expires_at > now) {
            return Ok(shown);
        }
        let PairCode { code, valid_for } = self.session().await?.pair_code(phone).await?;
        let shown = Shown { code, expires_at: now + valid_for };
        let asked_for = (phone.clone(), shown.clone());
        // What was linked or ended meanwhile needs no code any more.
        self.show(|view| view.pair_code = view.qr.is_some().then_some(asked_for));
        Ok(shown)
    }
}

impl std::fmt::Debug for Shown {
    /// Without the code, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shown").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
