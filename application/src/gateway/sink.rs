//! What a session tells becomes events, fenced by the lease's epoch, before it is shown to anyone.

use std::sync::Arc;

use async_trait::async_trait;
use interflow_domain::Lid;
use interflow_domain::instance::{DisconnectReason, InstanceCommand, LoggedOutBy};
use interflow_domain::message::{FailureReason, Receipt};
use sha2::{Digest, Sha256};

use super::slot::Slot;
use super::{Gateway, Shown, watch};
use crate::use_cases::shown_name;
use crate::whatsapp::{
    self, InboundMessage, Party, ReceiptKind, SessionSignal, SessionSink, SessionSpec, SinkError,
};
use crate::{Actor, Context, Error, ReceiveMessage, RecordConnection, RecordReceipts};

/// Where a session of one epoch puts what arrives.
pub(super) struct Sink {
    gateway: Gateway,
    slot: Arc<Slot>,
    epoch: i64,
}

impl Sink {
    pub const fn new(gateway: Gateway, slot: Arc<Slot>, epoch: i64) -> Self {
        Self { gateway, slot, epoch }
    }

    fn context(&self) -> Context {
        self.gateway.internal(self.slot.workspace, Actor::WhatsApp(self.slot.instance))
    }

    async fn record(&self, command: InstanceCommand) -> Result<(), Error> {
        let record = RecordConnection { instance: self.slot.instance, command, epoch: Some(self.epoch) };
        self.gateway.0.core.run(&self.context(), &record).await.map(drop)
    }

    async fn receipts(
        &self,
        ids: &[String],
        kind: ReceiptKind,
        at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Error> {
        let core = &self.gateway.0.core;
        let Slot { workspace, instance, .. } = *self.slot;
        let messages = core.reads.outbound_by_whatsapp_id(workspace, instance, ids).await?;
        if messages.is_empty() {
            return Ok(());
        }
        let receipt = match kind {
            ReceiptKind::Delivered => Receipt::Delivered,
            ReceiptKind::Read => Receipt::Read,
            ReceiptKind::Played => Receipt::Played,
        };
        let record = RecordReceipts { instance, epoch: self.epoch, messages: messages.clone(), receipt, at };
        core.run(&self.context(), &record).await?;
        for message in messages {
            self.gateway.0.waiters.resolve(message, None);
        }
        Ok(())
    }

    async fn hear(&self, signal: SessionSignal) -> Result<(), Error> {
        match signal {
            SessionSignal::QrIssued { code, valid_for } => {
                let expires_at = self.gateway.0.core.clock.now() + valid_for;
                let qr_sha256 = hex::encode(Sha256::digest(&code));
                self.record(InstanceCommand::RecordQr { qr_sha256, expires_at }).await?;
                let shown = Shown { code, expires_at };
                self.gateway.tell_qr(&self.slot, &shown);
                self.show(|view| view.qr = Some(shown));
            }
            SessionSignal::QrExhausted => {
                self.record(InstanceCommand::RecordPairingExpired).await?;
                self.ended();
            }
            SessionSignal::Paired { account } => {
                let (phone, lid) = names(account);
                self.record(InstanceCommand::RecordPaired { phone, lid }).await?;
                self.show(|view| (view.qr, view.pair_code) = (None, None));
            }
            SessionSignal::Connected { account, push_name } => {
                let (phone, lid) = names(account);
                let profile_name = push_name.as_deref().and_then(shown_name);
                self.record(InstanceCommand::RecordConnected { phone, lid, profile_name }).await?;
                self.show(|view| {
                    (view.qr, view.pair_code) = (None, None);
                    view.open = true;
                });
                self.slot.wake_sender();
            }
            SessionSignal::Disconnected { reason } => {
                let reason = domain_reason(reason);
                let retried = reason.is_retried();
                let at = self.gateway.0.core.clock.now();
                self.record(InstanceCommand::RecordDisconnected { reason, at }).await?;
                self.show(|view| view.open = false);
                if !retried {
                    self.ended();
                }
            }
            // The call that logs out records it, with the caller's name.
            SessionSignal::LoggedOut { by: whatsapp::LoggedOutBy::Us } => {
                self.show(|view| view.open = false);
            }
            SessionSignal::LoggedOut { by: whatsapp::LoggedOutBy::Phone } => {
                self.record(InstanceCommand::RecordLoggedOut { by: LoggedOutBy::Phone }).await?;
                self.show(|view| view.open = false);
                self.forget().await?;
                let context = self.context();
                self.gateway.fail_waiting(&context, self.slot.instance, FailureReason::LoggedOut).await?;
                self.ended();
            }
            SessionSignal::Receipts { whatsapp_ids, kind, at } => {
                self.receipts(&whatsapp_ids, kind, at).await?
            }
            SessionSignal::Activity { party, activity } => {
                // It is of the moment: nobody wants it later.
                if let Err(error) = self.gateway.tell_sign(&self.slot, &party, activity).await {
                    tracing::debug!(instance = %self.slot.instance, %error, "what a customer does was not told");
                }
            }
        }
        Ok(())
    }

    fn show(&self, change: impl FnOnce(&mut super::slot::View)) {
        if self.slot.is_current(self.epoch) {
            self.slot.show(change);
        }
    }

    async fn forget(&self) -> Result<(), Error> {
        let Slot { workspace, instance, .. } = *self.slot;
        let spec = SessionSpec { workspace, instance, epoch: self.epoch };
        Ok(self.gateway.0.ports.engine.forget(spec).await?)
    }

    /// The session is over. It is closed by another task, since closing waits for the one that called us.
    fn ended(&self) {
        self.show(|view| *view = super::slot::View { ended: true, ..super::slot::View::default() });
        let (gateway, slot, epoch) = (self.gateway.clone(), Arc::clone(&self.slot), self.epoch);
        self.gateway.0.tasks.spawn(async move { slot.close_epoch(&gateway, epoch).await });
    }

    /// The lease is another's by now, or has another epoch. What is to become of the session is asked and done by another
    /// task, since closing waits for the one that called us.
    fn fenced(&self) {
        self.show(|view| *view = super::slot::View { ended: true, ..super::slot::View::default() });
        let (gateway, slot, epoch) = (self.gateway.clone(), Arc::clone(&self.slot), self.epoch);
        self.gateway.0.tasks.spawn(async move { watch::end_fenced(&gateway, &slot, epoch).await });
    }

    /// What the engine must know of a failure: whether it is worth another try.
    fn verdict(&self, outcome: Result<(), Error>) -> Result<(), SinkError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Error::Fenced) => {
                self.fenced();
                Err(SinkError(Error::Fenced.to_string()))
            }
            // Trying again may help.
            Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => Err(SinkError(error.to_string())),
            // The rules refuse it for good: the instance was deleted, or the order of things overtaken.
            Err(error) => {
                tracing::info!(instance = %self.slot.instance, %error, "what a session said was not recorded");
                Ok(())
            }
        }
    }
}

#[async_trait]
impl SessionSink for Sink {
    async fn inbound(&self, messages: Vec<InboundMessage>) -> Result<(), SinkError> {
        for message in messages {
            let receive = ReceiveMessage { instance: self.slot.instance, epoch: self.epoch, message };
            let received = self.gateway.0.core.run(&self.context(), &receive).await;
            // A lost race that was lost ten times over is worth another delivery; a refusal is not.
            let received = match received {
                Err(Error::Conflict(reason)) => Err(Error::Unavailable(reason)),
                other => other.map(drop),
            };
            self.verdict(received)?;
        }
        Ok(())
    }

    async fn signal(&self, signal: SessionSignal) -> Result<(), SinkError> {
        match self.hear(signal).await {
            // Nothing that a fenced session says is ever recorded: it is not to be said again.
            Err(Error::Fenced) => {
                self.fenced();
                Ok(())
            }
            heard => self.verdict(heard),
        }
    }
}

fn names(account: Party) -> (Option<interflow_domain::PhoneNumber>, Option<Lid>) {
    (account.phone, account.lid.and_then(|lid| lid.parse().ok()))
}

fn domain_reason(reason: whatsapp::DisconnectReason) -> DisconnectReason {
    match reason {
        whatsapp::DisconnectReason::ConnectionLost => DisconnectReason::ConnectionLost,
        whatsapp::DisconnectReason::Replaced => DisconnectReason::Replaced,
        whatsapp::DisconnectReason::TemporarilyBanned { code, .. } => {
            DisconnectReason::TemporarilyBanned { code }
        }
        whatsapp::DisconnectReason::ClientOutdated => DisconnectReason::ClientOutdated,
        whatsapp::DisconnectReason::Refused { code } => DisconnectReason::Refused { code },
    }
}
