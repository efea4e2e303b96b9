//! Who may stay in a group: pure, from what was read under the lock.
//!
//! The appends of a group are judged in order, and each sees what those before it that may stay will have done, just
//! as if they had been alone in a transaction each.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use interflow_application::RecordedCommand;
use interflow_application::log::{AppendError, Rider, StreamId};
use interflow_domain::{InstanceId, Subject};

use super::prepared::{ClaimKey, Prepared};

/// What was read under the head lock of everything the group names, brought up to date as its appends are admitted.
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    /// Versions of the streams that have events.
    pub(super) versions: HashMap<StreamId, u64>,
    /// Commands that were carried out.
    pub(super) commands: HashMap<[u8; 32], KnownCommand>,
    /// Epochs of the leases that exist.
    pub(super) epochs: HashMap<InstanceId, i64>,
    /// Holders of the claims that are held.
    pub(super) holders: HashMap<ClaimKey, StreamId>,
    /// Those of whom nothing may be written any more.
    pub(super) erased: BTreeSet<Subject>,
}

/// A command that was carried out.
#[derive(Debug, Clone)]
pub(super) struct KnownCommand {
    pub(super) expires_at: DateTime<Utc>,
    pub(super) recorded: RecordedCommand,
}

impl Facts {
    /// Admits an append and notes what it will have done, or says why it leaves the group, having noted nothing.
    pub(super) fn admit(&mut self, prepared: &Prepared) -> Result<(), AppendError> {
        self.check_commands(prepared)?;
        self.check_fences(prepared)?;
        self.check_versions(prepared)?;
        self.check_holders(prepared)?;
        self.check_erased(prepared)?;
        self.change_claims(prepared)?;
        for part in prepared.append.streams.iter().filter(|part| !part.events.is_empty()) {
            self.versions.insert(part.stream, part.expected + part.events.len() as u64);
        }
        for rider in &prepared.append.riders {
            if let Rider::Command { command, resource } = rider {
                let recorded =
                    RecordedCommand { request_hash: command.request_hash, resource: *resource, answer: None };
                let known = KnownCommand { expires_at: command.expires_at, recorded };
                self.commands.insert(command.id, known);
            }
        }
        Ok(())
    }

    /// First of all: whoever repeats a command has stale versions, and must hear the first answer nevertheless.
    fn check_commands(&self, prepared: &Prepared) -> Result<(), AppendError> {
        let repeated = prepared.append.riders.iter().find_map(|rider| match rider {
            Rider::Command { command, .. } => {
                self.commands.get(&command.id).filter(|known| known.expires_at > prepared.append.recorded_at)
            }
            _ => None,
        });
        repeated.map_or(Ok(()), |known| Err(AppendError::Repeated(Box::new(known.recorded.clone()))))
    }

    fn check_fences(&self, prepared: &Prepared) -> Result<(), AppendError> {
        let holds = prepared.append.riders.iter().all(|rider| match rider {
            Rider::Fence { instance, epoch } => self.epochs.get(instance) == Some(epoch),
            _ => true,
        });
        if holds { Ok(()) } else { Err(AppendError::Fenced) }
    }

    fn check_versions(&self, prepared: &Prepared) -> Result<(), AppendError> {
        let current = prepared.append.streams.iter().all(|part| self.version(part.stream) == part.expected);
        if current { Ok(()) } else { Err(AppendError::Conflict) }
    }

    fn check_holders(&self, prepared: &Prepared) -> Result<(), AppendError> {
        let held = prepared.holds.iter().all(|(claim, owner)| self.holders.get(claim) == Some(owner));
        if held { Ok(()) } else { Err(AppendError::Conflict) }
    }

    /// Whoever would write something of a subject that was erased decides again, and finds that it is gone.
    fn check_erased(&self, prepared: &Prepared) -> Result<(), AppendError> {
        let mut subjects = prepared.payloads.iter().flat_map(|payload| &payload.subjects);
        if subjects.any(|subject| self.erased.contains(subject)) {
            Err(AppendError::Conflict)
        } else {
            Ok(())
        }
    }

    /// The version of a stream, as the appends admitted so far leave it.
    pub(super) fn version(&self, stream: StreamId) -> u64 {
        self.versions.get(&stream).copied().unwrap_or(0)
    }

    /// Releases before takes.
    fn change_claims(&mut self, prepared: &Prepared) -> Result<(), AppendError> {
        let mut changed: HashMap<ClaimKey, Option<StreamId>> = HashMap::new();
        for (claim, owner) in &prepared.releases {
            if self.holders.get(claim) == Some(owner) {
                changed.insert(*claim, None);
            }
        }
        for (claim, owner) in &prepared.takes {
            let holder = changed.get(claim).copied().unwrap_or_else(|| self.holders.get(claim).copied());
            if holder.is_some() {
                return Err(AppendError::Conflict);
            }
            changed.insert(*claim, Some(*owner));
        }
        for (claim, holder) in changed {
            match holder {
                Some(owner) => self.holders.insert(claim, owner),
                None => self.holders.remove(&claim),
            };
        }
        Ok(())
    }
}
