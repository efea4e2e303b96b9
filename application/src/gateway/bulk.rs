//! Bulk sends: many messages in one call, queued at once and sent at the pace of their channel.
//!
//! The job is recorded first, then its messages, in appends of bounded size, several at a time. Messages to one number
//! are queued one after the other, so that they keep their order, and a new number's customer is made once. A call that
//! broke off leaves a job that takes items: the same call with its idempotency key goes on where it was; without one
//! what was queued is sent, and the job ends as incomplete ([`super::jobs`]).

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::try_join_all;
use interflow_domain::JobId;
use interflow_domain::job::JobCommand;

use super::Gateway;
use crate::{BulkItem, BulkOutcome, ChannelRef, Context, Error, OpenBulk, QueueBulk, RecordJob, Resource};

/// Messages in an append: with the customers and chats that they open they fit into one group of the log.
const MESSAGES_AT_ONCE: usize = 64;
/// Appends under way at the same time.
const LANES: usize = 4;
/// How long after the planned turn of its last message a job is given up: its channel may have been offline for days.
const GRACE: TimeDelta = TimeDelta::days(7);

impl Gateway {
    /// Begins a bulk send of so many messages, right or wrong.
    pub async fn open_bulk(
        &self,
        context: &Context,
        channel: &ChannelRef,
        total: u32,
    ) -> Result<JobId, Error> {
        let core = &self.0.core;
        let instance = channel.find(&*core.reads, context.workspace).await?.id;
        let ahead = self.0.ports.outbox.waiting_turns(context.workspace, instance).await?;
        let turns = i32::try_from(ahead + u64::from(total)).unwrap_or(i32::MAX);
        let planned = TimeDelta::from_std(self.0.settings.bulk_pace()).unwrap_or(TimeDelta::MAX);
        let planned = planned.checked_mul(turns).unwrap_or(GRACE);
        let expires_at = core.clock.now() + planned + GRACE;
        let open = OpenBulk { channel: channel.clone(), total, expires_at };
        Ok(core.run(context, &open).await?.output)
    }

    /// Queues the messages of a bulk send, as far as they are not queued, and says what became of each, in their order.
    /// Each may wait for WhatsApp for as long as `patience`, from its turn on.
    ///
    /// A caller that goes away does not stop it.
    pub async fn queue_bulk(
        &self,
        context: &Context,
        job: JobId,
        items: Vec<BulkItem>,
        patience: Duration,
    ) -> Result<Vec<BulkOutcome>, Error> {
        let found = self.0.core.reads.job(context.workspace, job).await?;
        let found = found.ok_or(Error::NotFound(Resource::Job))?;
        let again = found.accepted > 0 || !found.takes_items;
        // The idempotency key was used up when the job was opened.
        let context = Context { command: None, ..context.clone() };
        let gateway = self.clone();
        let queued = self.0.tasks.spawn(async move {
            let lanes = lanes(items).into_iter();
            let lanes = lanes.map(|lane| gateway.queue_lane(&context, job, lane, patience, again));
            let mut outcomes = try_join_all(lanes).await?.into_iter().flatten().collect::<Vec<_>>();
            outcomes.sort_unstable_by_key(|(index, _)| *index);
            gateway.fill(&context, job, found.total, &outcomes).await?;
            Ok(outcomes)
        });
        queued.await.map_err(|error| Error::Internal(format!("queueing a bulk send broke off: {error}")))?
    }

    /// One append after the other.
    async fn queue_lane(
        &self,
        context: &Context,
        job: JobId,
        lane: Vec<BulkItem>,
        patience: Duration,
        again: bool,
    ) -> Result<Vec<BulkOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(lane.len());
        for items in lane.chunks(MESSAGES_AT_ONCE) {
            let queue = QueueBulk { job, items: items.to_vec(), again, patience };
            outcomes.extend(self.0.core.run(context, &queue).await?.output);
        }
        Ok(outcomes)
    }

    /// Says that the job has all it will have. One that was cancelled or abandoned meanwhile stays as it is.
    async fn fill(
        &self,
        context: &Context,
        job: JobId,
        total: u32,
        outcomes: &[BulkOutcome],
    ) -> Result<(), Error> {
        let accepted = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        let accepted = u32::try_from(accepted).unwrap_or(u32::MAX);
        let command = JobCommand::FillJob { accepted, rejected: total.saturating_sub(accepted) };
        match self.0.core.run(context, &RecordJob { job, command }).await {
            Ok(_) | Err(Error::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Deals messages out so that those to one number stay together and in their order.
fn lanes(items: Vec<BulkItem>) -> Vec<Vec<BulkItem>> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut lanes: BTreeMap<u64, Vec<BulkItem>> = BTreeMap::new();
    for item in items {
        lanes.entry(hasher.hash_one(&item.to) % LANES as u64).or_default().push(item);
    }
    lanes.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use interflow_domain::message::Content;

    #[test]
    fn messages_to_one_number_stay_in_one_lane_and_in_their_order() {
        let item = |index: u16| BulkItem {
            index,
            to: format!("55119999000{:02}", index % 30).parse().unwrap(),
            content: Content::Text { text: "Hi".parse().unwrap() },
        };
        let lanes = lanes((0..300).map(item).collect());
        assert!((2..=LANES).contains(&lanes.len()));
        assert_eq!(lanes.iter().map(Vec::len).sum::<usize>(), 300);
        for number in 0..30 {
            let has = |item: &&BulkItem| item.index % 30 == number;
            let with: Vec<_> = lanes.iter().filter(|lane| lane.iter().any(|item| has(&item))).collect();
            assert_eq!(with.len(), 1);
            assert!(with[0].iter().filter(has).map(|item| item.index).is_sorted());
        }
    }
}
