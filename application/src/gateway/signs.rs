//! What customers do that no log holds, on its way to whoever listens.

use super::Gateway;
use super::slot::Slot;
use crate::Claim;
use crate::gateway::Shown;
use crate::live::{Activity, Sign, Signal, SignalKind};
use crate::log::{LogError, StreamId};
use crate::whatsapp::Party;

impl Gateway {
    /// Tells of what somebody does, if that is a customer.
    pub(super) async fn tell_sign(
        &self,
        slot: &Slot,
        party: &Party,
        activity: Activity,
    ) -> Result<(), LogError> {
        let (core, workspace, channel) = (&self.0.core, slot.workspace, slot.instance);
        let phone = party.phone.as_ref().map(Claim::customer_phone);
        let lid = party.lid.as_deref().and_then(|lid| lid.parse().ok());
        let mut customer = None;
        for claim in [phone, lid.as_ref().map(Claim::customer_lid)].into_iter().flatten() {
            if let Some(StreamId::Customer(id)) = core.log.holder(workspace, &claim).await? {
                customer = Some(id);
                break;
            }
        }
        let Some(customer) = customer else { return Ok(()) };
        let chat = match core.log.holder(workspace, &Claim::open_chat(channel, customer)).await? {
            Some(StreamId::Chat(id)) => Some(id),
            _ => None,
        };
        let at_millis = core.clock.now().timestamp_millis();
        self.live().tell_everywhere(workspace, Sign { at_millis, channel, customer, chat, activity });
        Ok(())
    }

    /// Tells of a QR, to those who listen in this process.
    pub(super) fn tell_qr(&self, slot: &Slot, shown: &Shown) {
        let Shown { code, expires_at } = shown.clone();
        self.live().tell(Signal {
            workspace: slot.workspace,
            channel: slot.instance,
            customer: None,
            chat: None,
            at: self.0.core.clock.now(),
            kind: SignalKind::Qr { code, expires_at },
        });
    }
}
