//! Starting the gateway with the server and stopping it: sessions are looked after ([`super::watch`]), sends whose
//! deadline has passed are given up even where no session runs, and chats that were put aside until now are taken up.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::FailureReason;
use interflow_domain::{InstanceId, WorkspaceId};

use super::{Gateway, ear, watch};
use crate::read::LiveInstance;
use crate::{Actor, Error, FailMessages, RecordConnection, WakeChat};

/// How often the deadlines of waiting sends are looked at.
const SWEEP: Duration = Duration::from_secs(1);

impl Gateway {
    /// Starts what runs by itself, and takes up the sessions of an earlier run in the background.
    pub async fn start(&self) -> Result<(), Error> {
        self.0.ports.leases.heartbeat().await?;
        // Before calls are served, so that nobody's new pairing here is taken for an old one.
        let live = self.0.core.reads.live_instances().await?;
        for live in live.into_iter().filter(|live| !live.linked) {
            self.expire_pairing(live, None).await?;
        }
        self.run(watch::keep_leases(self.clone()));
        self.run(self.live().clone().hear_signs());
        self.run(ear::listen(self.clone(), self.0.ports.wakeups.subscribe()));
        let abandoned = Arc::new(watch::Abandoned::default());
        self.spawn("sessions", self.0.settings.lease_expiry / 3, move |gateway| {
            let abandoned = Arc::clone(&abandoned);
            async move { watch::take_up(&gateway, &abandoned).await }
        });
        self.spawn("deadlines", SWEEP, |gateway| async move { gateway.fail_overdue().await });
        self.spawn("jobs", SWEEP, |gateway| async move { gateway.look_after_jobs().await });
        self.spawn("snoozes", SWEEP, |gateway| async move { gateway.wake_chats().await });
        Ok(())
    }

    /// Closes every session, keeps the keys, gives the leases back, and returns when nothing runs any more.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        let slots: Vec<_> = self.slots().drain().map(|(_, slot)| slot).collect();
        stream::iter(slots).for_each_concurrent(None, |slot| async move { slot.close(self).await }).await;
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// A pairing ends with the server that had it: its QRs were in memory. Given a version, only while the channel is
    /// still at it.
    pub(super) async fn expire_pairing(&self, live: LiveInstance, found: Option<u64>) -> Result<(), Error> {
        let LiveInstance { workspace, instance, .. } = live;
        let Some(epoch) = self.0.ports.leases.acquire(workspace, instance).await? else {
            return Ok(());
        };
        let expired = self.record_pairing_expired(workspace, instance, epoch, found).await;
        self.0.ports.leases.release(workspace, instance, epoch).await?;
        expired
    }

    async fn record_pairing_expired(
        &self,
        workspace: WorkspaceId,
        instance: InstanceId,
        epoch: i64,
        found: Option<u64>,
    ) -> Result<(), Error> {
        let context = self.internal(workspace, Actor::System("gateway"));
        if let Some(found) = found
            && self.channel(&context, instance).await?.version != found
        {
            return Ok(());
        }
        let command = InstanceCommand::RecordPairingExpired;
        self.0.core.run(&context, &RecordConnection { instance, command, epoch: Some(epoch) }).await.map(drop)
    }

    /// Gives up the sends whose deadline has passed.
    async fn fail_overdue(&self) -> Result<(), Error> {
        let overdue = self.0.ports.outbox.overdue(self.0.core.clock.now(), 100).await?;
        for (workspace, _, message) in overdue {
            let context = self.internal(workspace, Actor::System("deadlines"));
            let reason = FailureReason::DeadlineExceeded;
            self.0
                .core
                .run(&context, &FailMessages { messages: vec![message], reason: reason.clone(), fence: None })
                .await?;
            self.0.waiters.resolve(message, Some(reason));
        }
        Ok(())
    }

    /// Takes up chats whose time of being put aside is over. Another server may be faster: then there is nothing to do.
    async fn wake_chats(&self) -> Result<(), Error> {
        for (workspace, id) in self.0.core.reads.snoozed_until(self.0.core.clock.now(), 100).await? {
            let context = self.internal(workspace, Actor::System("snoozes"));
            self.0.core.run(&context, &WakeChat { id }).await?;
        }
        Ok(())
    }

    /// Runs a task until the gateway stops.
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.0.stopping.clone();
        self.0.tasks.spawn(async move {
            stopping.run_until_cancelled(task).await;
        });
    }

    fn spawn<F, W>(&self, name: &'static str, every: Duration, mut work: W)
    where
        F: Future<Output = Result<(), Error>> + Send,
        W: FnMut(Self) -> F + Send + 'static,
    {
        let gateway = self.clone();
        self.run(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = work(gateway.clone()).await {
                    tracing::warn!(task = name, %error, "a background task failed and will try again");
                }
            }
        });
    }
}
