//! The gateway owns the WhatsApp sessions of this node.
//!
//! Cast:
//! - [`Gateway`] is what the API asks: connect, restart, log out, delete, send; and what the server starts and stops;
//! - a *slot* ([`slot::Slot`]) is an instance's place here: at most one session runs in it, under a lease;
//! - the *sink* ([`sink::Sink`]) hears what a session tells and makes events of it, fenced by the lease's epoch;
//! - the *sender* ([`sender`]) carries out the sends that appends asked for, in order within a chat, until
//!   WhatsApp's server has acknowledged them or their deadline has passed;
//! - the *watch* ([`watch`]) keeps this node's leases, ends sessions whose lease was lost, and takes up those that
//!   nobody has;
//! - *pairing* ([`pairing`]) is what a person sees of it: the QR, and the code that does without a camera;
//! - the *waiters* ([`waiters::Waiters`]) let a call wait a short time for what becomes of its message;
//! - *bulk* ([`bulk`]) queues many messages in one call, *jobs* ([`jobs`]) sees to the ends of such work;
//! - *signs* ([`signs`]) are what customers do that no log holds: they go to whoever listens;
//! - the *ear* ([`ear`]) hears what any process has appended, and wakes the senders and the waiters of this one.
//!
//! What is volatile stays in memory: the QR's string, and who waits for what.

mod bulk;
mod ear;
mod jobs;
mod lifecycle;
mod pairing;
mod ports;
mod reading;
mod sender;
mod signs;
mod sink;
mod slot;
mod waiters;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interflow_domain::instance::{DisconnectReason, InstanceCommand, LoggedOutBy};
use interflow_domain::message::{FailureReason, MessageStatus};
use interflow_domain::{InstanceId, MessageId};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::live::Live;
use crate::read::Channel;
use crate::wakeups::Wakeups;
use crate::whatsapp::Engine;
use crate::{
    Actor, ChannelRef, Context, Core, DeleteInstance, Error, FailMessages, RecordConnection, Resource,
    SendMessage,
};
use slot::Slot;
use waiters::{Outcome, Waiters};

pub use pairing::{Connected, Shown};
pub use ports::{LEASE_EXPIRY, Leases, Outbox, PendingSend};

/// How long the gateway waits, and how much it does at once.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long `connect` waits for the first QR.
    pub connect_timeout: Duration,
    /// How long a send waits for WhatsApp's acknowledgement before it is answered as `queued`.
    pub send_wait: Duration,
    /// How many sessions are taken up at the same time.
    pub resume_concurrency: usize,
    /// When leases expire: sessions are looked after three times as often.
    pub lease_expiry: Duration,
    /// How many bulk messages of a channel leave in a minute, on average. At least 1.
    pub bulk_rate_per_minute: u32,
    /// Whether customers are told that their messages were read, when a chat is marked as read.
    pub send_read_receipts: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(20),
            send_wait: Duration::from_secs(2),
            resume_concurrency: 16,
            lease_expiry: LEASE_EXPIRY,
            bulk_rate_per_minute: 30,
            send_read_receipts: true,
        }
    }
}

impl Settings {
    /// The mean time between two bulk messages of a channel.
    fn bulk_pace(&self) -> Duration {
        Duration::from_secs(60) / self.bulk_rate_per_minute.max(1)
    }
}

/// The ports the gateway runs on.
#[derive(Clone)]
pub struct Ports {
    /// The engine that speaks to WhatsApp.
    pub engine: Arc<dyn Engine>,
    /// Who owns which instance.
    pub leases: Arc<dyn Leases>,
    /// The sends that are waiting.
    pub outbox: Arc<dyn Outbox>,
    /// What wakes senders and waiting calls.
    pub wakeups: Arc<dyn Wakeups>,
    /// Who is told what sessions tell and no log holds.
    pub live: Live,
}

/// Owns the WhatsApp sessions of this node. Cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    core: Core,
    ports: Ports,
    settings: Settings,
    slots: Mutex<HashMap<InstanceId, Arc<Slot>>>,
    waiters: Waiters,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Gateway {
    /// A gateway with nothing running in it; see [`Gateway::start`].
    #[must_use]
    pub fn new(core: Core, ports: Ports, settings: Settings) -> Self {
        Self(Arc::new(Inner {
            core,
            ports,
            settings,
            slots: Mutex::default(),
            waiters: Waiters::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }))
    }

    /// The live feeds that hear what sessions tell.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.0.ports.live
    }

    /// Closes the connection of an instance and opens it again; the pairing stays.
    pub async fn restart(&self, context: &Context, channel: &ChannelRef) -> Result<Channel, Error> {
        let instance = channel.find(&*self.0.core.reads, context.workspace).await?.id;
        let slot = self.slot(context, instance);
        slot.close(self).await;
        self.connect_again(context, &slot).await?;
        self.channel(context, instance).await
    }

    /// Opens a connection that was closed to be opened again.
    async fn connect_again(&self, context: &Context, slot: &Arc<Slot>) -> Result<(), Error> {
        let at = self.0.core.clock.now();
        let disconnected =
            InstanceCommand::RecordDisconnected { reason: DisconnectReason::RestartRequested, at };
        // The idempotency key is used up by the step that completes the command.
        let step = Context { command: None, ..context.clone() };
        self.record(&step, slot.instance, disconnected).await?;
        self.record(context, slot.instance, InstanceCommand::RequestConnection).await?;
        slot.ensure_open(self).await
    }

    /// Unlinks an instance from its account, and forgets its keys. Waiting sends are given up.
    ///
    /// When WhatsApp cannot be told now, the keys are forgotten all the same; the device stays on the phone's list
    /// until its owner removes it there.
    pub async fn log_out(&self, context: &Context, channel: &ChannelRef) -> Result<Channel, Error> {
        let instance = channel.find(&*self.0.core.reads, context.workspace).await?.id;
        let command = InstanceCommand::RecordLoggedOut { by: LoggedOutBy::Api };
        self.slot(context, instance).log_out(self, self.record(context, instance, command)).await?;
        self.fail_waiting(context, instance, FailureReason::LoggedOut).await?;
        self.channel(context, instance).await
    }

    /// Logs an instance out, forgets its keys and deletes it, when it has the version the caller saw. Waiting sends are
    /// given up. Gives the channel as it was.
    pub async fn delete(
        &self,
        context: &Context,
        channel: &ChannelRef,
        expected: Option<u64>,
    ) -> Result<Channel, Error> {
        let channel = channel.find(&*self.0.core.reads, context.workspace).await?;
        // Before anything is undone: logging out cannot be taken back.
        if expected.is_some_and(|version| version != channel.version) {
            return Err(Error::PreconditionFailed { current: channel.version });
        }
        let delete = DeleteInstance { instance: channel.id };
        self.slot(context, channel.id).log_out(self, self.0.core.run(context, &delete)).await?;
        self.fail_waiting(context, channel.id, FailureReason::InstanceDeleted).await?;
        self.slots().remove(&channel.id);
        Ok(channel)
    }

    /// Accepts a message to be sent, and waits a short time for WhatsApp's acknowledgement.
    pub async fn send(&self, context: &Context, message: &SendMessage) -> Result<MessageId, Error> {
        let id = self.0.core.run(context, message).await?.output;
        let deadline = Instant::now() + self.0.settings.send_wait;
        let reason = loop {
            let outcome = self.0.waiters.register(id);
            // The append has woken the sender, which may have been faster than this call.
            let (status, reason) = self.outcome(context, id).await?;
            if status != MessageStatus::Queued {
                break reason;
            }
            match timeout_at(deadline, outcome).await {
                Ok(Outcome::Here(reason)) => break reason.map(|reason| reason.name().to_owned()),
                Ok(Outcome::Elsewhere) => {}
                // None in time: the message's own status says what becomes of it.
                Err(_) => break None,
            }
        };
        if reason.as_deref() == Some(FailureReason::NotOnWhatsapp.name()) {
            return Err(Error::NumberNotOnWhatsApp);
        }
        Ok(id)
    }

    /// What has become of a message so far, and why it failed.
    async fn outcome(
        &self,
        context: &Context,
        id: MessageId,
    ) -> Result<(MessageStatus, Option<String>), Error> {
        let message = self.0.core.reads.message(context.workspace, id).await?;
        let message = message.ok_or(Error::NotFound(Resource::Message))?;
        Ok((message.status, message.status_reason))
    }

    async fn record(
        &self,
        context: &Context,
        instance: InstanceId,
        command: InstanceCommand,
    ) -> Result<bool, Error> {
        let recorded = RecordConnection { instance, command, epoch: None };
        Ok(self.0.core.run(context, &recorded).await?.output)
    }

    /// Gives up every waiting send of an instance.
    async fn fail_waiting(
        &self,
        context: &Context,
        instance: InstanceId,
        reason: FailureReason,
    ) -> Result<(), Error> {
        let waiting = self.0.ports.outbox.of_instance(context.workspace, instance).await?;
        let context = Context { command: None, ..context.clone() };
        for messages in waiting.chunks(100) {
            self.0
                .core
                .run(
                    &context,
                    &FailMessages { messages: messages.to_vec(), reason: reason.clone(), fence: None },
                )
                .await?;
            for message in messages {
                self.0.waiters.resolve(*message, Some(reason.clone()));
            }
        }
        Ok(())
    }

    async fn channel(&self, context: &Context, instance: InstanceId) -> Result<Channel, Error> {
        let channel = self.0.core.reads.channel(context.workspace, instance).await?;
        channel.ok_or(Error::NotFound(Resource::Channel))
    }

    fn slot(&self, context: &Context, instance: InstanceId) -> Arc<Slot> {
        let mut slots = self.slots();
        Arc::clone(slots.entry(instance).or_insert_with(|| Arc::new(Slot::new(context.workspace, instance))))
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<InstanceId, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The circumstances of what the gateway does by itself.
    fn internal(&self, workspace: interflow_domain::WorkspaceId, actor: Actor) -> Context {
        Context::internal(workspace, actor, format!("req_{}", self.0.core.ids.next().simple()))
    }
}
