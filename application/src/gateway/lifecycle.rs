//! Starting the gateway with the server and stopping it: sessions are looked after ([`super::watch`]), and sends whose
//! deadline has passed are given up even where no session runs.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use interflow_domain::instance::InstanceCommand;
use interflow_domain::message::FailureReason;

use super::{Gateway, watch};
use crate::read::LiveInstance;
use crate::{Actor, Error, FailMessages, RecordConnection};

/// How often the deadlines of waiting sends are looked at.
const SWEEP: Duration = Duration::from_secs(1);

impl Gateway {
    /// Starts what runs by itself, and takes up the sessions of an earlier run in the background.
    pub async fn start(&self) -> Result<(), Error> {
        self.0.ports.leases.heartbeat().await?;
        let live = self.0.core.reads.live_instances().await?;
        for live in live.into_iter().filter(|live| !live.linked) {
            self.expire_pairing(live).await?;
        }
        let (gateway, stopping) = (self.clone(), self.0.stopping.clone());
        self.0.tasks.spawn(async move { stopping.run_until_cancelled(watch::keep_leases(gateway)).await });
        self.spawn("sessions", self.0.settings.lease_expiry / 3, |gateway| async move {
            watch::take_up(&gateway).await
        });
        self.spawn("deadlines", SWEEP, |gateway| async move { gateway.fail_overdue().await });
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

    /// A pairing ends with the server that had it: its QRs were in memory. Done before calls are served, so that
    /// nobody's new pairing is taken for an old one.
    async fn expire_pairing(&self, live: LiveInstance) -> Result<(), Error> {
        let LiveInstance { workspace, instance, .. } = live;
        let Some(epoch) = self.0.ports.leases.acquire(workspace, instance).await? else {
            return Ok(());
        };
        let context = self.internal(workspace, Actor::System("gateway"));
        let command = InstanceCommand::RecordPairingExpired;
        let recorded =
            self.0.core.run(&context, &RecordConnection { instance, command, epoch: Some(epoch) }).await;
        self.0.ports.leases.release(workspace, instance, epoch).await?;
        recorded.map(drop)
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

    fn spawn<F, W>(&self, name: &'static str, every: Duration, mut work: W)
    where
        F: Future<Output = Result<(), Error>> + Send,
        W: FnMut(Self) -> F + Send + 'static,
    {
        let gateway = self.clone();
        let stopping = self.0.stopping.clone();
        let forever = async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = work(gateway.clone()).await {
                    tracing::warn!(task = name, %error, "a background task failed and will try again");
                }
            }
        };
        self.0.tasks.spawn(async move {
            stopping.run_until_cancelled(forever).await;
        });
    }
}
