use std::sync::Arc;
use std::time::Duration;

use super::seam::Seam;
use crate::wakeups::Bell;

/// Bounds of the event log.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Commands of one workspace that may wait; more are answered with `Overloaded`.
    pub queue: usize,
    /// Most events in a group. An append that has more by itself goes alone.
    pub group: usize,
    /// Groups that may be under way at the same time, each with a connection. What is left of the pool is for
    /// reading.
    pub writers: usize,
    /// A workspace's writer that had nothing to do for so long ends.
    pub idle: Duration,
    /// Memory for the states of streams, in bytes.
    pub cache_bytes: u64,
    /// Memory for what writers know of their workspaces, versions and rows of read models, in bytes, for all that
    /// run.
    pub known_bytes: u64,
    /// Memory for data keys, in bytes.
    pub key_bytes: u64,
    /// A state leaves the cache after so long, whatever happens: what was erased does not stay in memory.
    pub cache_time: Duration,
    /// Who is told of every step of an append: a test of faults. A server has none.
    pub seam: Option<Arc<dyn Seam>>,
    /// Rung after every group that was committed.
    pub bell: Bell,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue: 1024,
            group: 256,
            writers: 12,
            idle: Duration::from_secs(30),
            cache_bytes: 64 * 1024 * 1024,
            known_bytes: 32 * 1024 * 1024,
            key_bytes: 16 * 1024 * 1024,
            cache_time: Duration::from_secs(600),
            seam: None,
            bell: Bell::default(),
        }
    }
}
