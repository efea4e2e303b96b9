//! Looks after the leases: keeps those of this node, ends the sessions whose lease is another's by now, takes up the
//! sessions that no node has, and ends the pairings that went with their node.
//!
//! What a session without a lease says or stores is refused where it would be written. Ending it is for what no fence
//! in a database reaches: its socket. Two connections with the same keys drive each other out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use interflow_domain::InstanceId;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::Gateway;
use super::slot::Slot;
use crate::read::LiveInstance;
use crate::{Actor, Error};

/// How many heartbeats fit into the time after which a lease is lost.
const BEATS: u32 = 3;

/// Says that this node is alive, and hears what it lost, until it is dropped.
///
/// A process that was stopped and goes on finds its tick overdue, and learns at once what happened meanwhile. One that
/// cannot reach the database for as long as a lease lasts must take all of its leases for lost.
pub(super) async fn keep_leases(gateway: Gateway) {
    let expiry = gateway.0.settings.lease_expiry;
    let mut ticks = tokio::time::interval(expiry / BEATS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        ticks.tick().await;
        // What is asked for now is asked of what runs now: a session that is opened meanwhile is not in the answer.
        let running = running(&gateway);
        match timeout(expiry, held(&gateway)).await.unwrap_or_else(|_| Err(slow(expiry))) {
            Ok(held) => {
                heard = Instant::now();
                end(&gateway, running, &held);
            }
            Err(error) => {
                tracing::warn!(%error, "this node could not say that it is alive");
                if heard.elapsed() >= expiry {
                    end(&gateway, running, &HashMap::new());
                }
            }
        }
    }
}

/// Ends the sessions whose leases are still this node's, at another epoch: an erasure has taken them from what they
/// remember. They begin anew at once, as after a restart that somebody asked for.
pub(super) async fn begin_anew(gateway: &Gateway) {
    let mut running = running(gateway);
    match gateway.0.ports.leases.held().await {
        Ok(held) => {
            running.retain(|(instance, _)| held.contains_key(instance));
            end(gateway, running, &held);
        }
        Err(error) => tracing::warn!(%error, "leases could not be looked at"),
    }
}

/// Ends a session by whose epoch nothing is written any more. Why, the leases know.
pub(super) async fn end_fenced(gateway: &Gateway, slot: &Arc<Slot>, epoch: i64) {
    let held = gateway.0.ports.leases.held().await;
    let held = held.inspect_err(|error| tracing::warn!(%error, "leases could not be looked at"));
    end_session(gateway, slot, epoch, held.is_ok_and(|held| held.contains_key(&slot.instance))).await;
}

async fn held(gateway: &Gateway) -> Result<HashMap<InstanceId, i64>, Error> {
    gateway.0.ports.leases.heartbeat().await?;
    Ok(gateway.0.ports.leases.held().await?)
}

fn slow(expiry: Duration) -> Error {
    Error::Unavailable(format!("the database did not answer within {} s", expiry.as_secs_f32()))
}

fn running(gateway: &Gateway) -> Vec<(InstanceId, i64)> {
    gateway.slots().values().filter_map(|slot| Some((slot.instance, slot.epoch()?))).collect()
}

/// Ends the sessions of epochs that are not those of the leases this node has, beside everything else: a client may take
/// its time to close.
fn end(gateway: &Gateway, sessions: Vec<(InstanceId, i64)>, held: &HashMap<InstanceId, i64>) {
    for (instance, epoch) in sessions {
        let now = held.get(&instance);
        let Some(slot) = gateway.slots().get(&instance).cloned().filter(|_| now != Some(&epoch)) else {
            continue;
        };
        let (gateway, is_held) = (gateway.clone(), now.is_some());
        let tasks = gateway.0.tasks.clone();
        tasks.spawn(async move { end_session(&gateway, &slot, epoch, is_held).await });
    }
}

/// Whoever ends it says why, and begins it anew where the lease is this node's.
async fn end_session(gateway: &Gateway, slot: &Arc<Slot>, epoch: i64, is_held: bool) {
    let instance = slot.instance;
    if !slot.close_epoch(gateway, epoch).await {
        return;
    }
    if !is_held {
        tracing::warn!(%instance, "the lease of a channel was lost: its session here has ended");
        return;
    }
    tracing::info!(%instance, "a channel connects anew, because a customer of it was erased");
    let context = gateway.internal(slot.workspace, Actor::System("gateway"));
    if let Err(error) = gateway.connect_again(&context, slot).await {
        tracing::info!(%instance, %error, "a channel could not be connected again yet");
    }
}

/// The pairings that nobody had when they were looked at last, and the versions their channels had then.
#[derive(Debug, Default)]
pub(super) struct Abandoned(Mutex<HashMap<InstanceId, u64>>);

/// Takes up the linked instances that are to be connected and that no node has: those of this node's earlier run, and
/// those of nodes that are gone. Ends the pairings that no node has.
pub(super) async fn take_up(gateway: &Gateway, abandoned: &Abandoned) -> Result<(), Error> {
    let live = gateway.0.core.reads.live_instances().await?;
    let here =
        |instance: &InstanceId| gateway.slots().get(instance).is_some_and(|slot| slot.epoch().is_some());
    let away: Vec<_> = live.into_iter().filter(|live| !here(&live.instance)).collect();
    if away.is_empty() {
        return Ok(());
    }
    let others = gateway.0.ports.leases.held_by_others().await?;
    let free = away.into_iter().filter(|live| !others.contains(&live.instance));
    let (linked, pairing): (Vec<_>, Vec<_>) = free.partition(|live| live.linked);
    let at_once = gateway.0.settings.resume_concurrency;
    stream::iter(linked).for_each_concurrent(at_once, |live| resume(gateway, live)).await;
    expire(gateway, pairing, abandoned).await
}

/// Ends pairings that nobody has. One that was just asked for has no lease yet either: so it counts only when it is
/// found a second time as it was.
async fn expire(gateway: &Gateway, free: Vec<LiveInstance>, abandoned: &Abandoned) -> Result<(), Error> {
    let mut found = HashMap::new();
    for live in &free {
        if let Some(channel) = gateway.0.core.reads.channel(live.workspace, live.instance).await? {
            found.insert(live.instance, channel.version);
        }
    }
    let before = {
        let mut last = abandoned.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, found.clone())
    };
    for live in free {
        let version = found.get(&live.instance).copied();
        if version.is_some() && before.get(&live.instance).copied() == version {
            gateway.expire_pairing(live, version).await?;
        }
    }
    Ok(())
}

async fn resume(gateway: &Gateway, live: LiveInstance) {
    let context = gateway.internal(live.workspace, Actor::System("gateway"));
    if let Err(error) = gateway.slot(&context, live.instance).resume(gateway, &context).await {
        tracing::info!(instance = %live.instance, %error, "an instance could not be resumed yet");
    }
}
