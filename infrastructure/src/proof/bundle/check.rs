//! Verifying a bundle with nothing but it, and a key that is known to be the log's.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use interflow_application::proof::merkle::verify_inclusion;
use interflow_application::proof::{Checkpoint, Hash, Note, Verifier};
use serde::Serialize;

use super::line::{FORM, Header, Line};
use super::opened::opens;
use super::order::Order;
use super::write::BundleError;
use crate::proof::verify::{Fault, FaultKind, Watch};

/// How many faults are told one by one.
const TOLD: usize = 100;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// How many events the bundle has.
    pub events: u64,
    /// How many the log had when the checkpoint was signed.
    pub sealed: u64,
    /// The root that was signed.
    pub root: Option<String>,
    /// Which tree it is.
    pub origin: Option<String>,
    /// The keys that have signed it, of those that were to be believed.
    pub signed_with: Vec<String>,
    /// What is wrong, the first first.
    pub faults: Vec<Fault>,
    /// How much more is.
    pub more_faults: u64,
}

/// Checks a bundle: a directory, or the `bundle.jsonl` in it. Without keys those in the bundle are believed, which proves
/// nothing against whoever made it.
pub fn check(path: &Path, keys: &[Verifier], watch: Watch<'_>) -> Result<Checked, BundleError> {
    let path = if path.is_dir() { path.join("bundle.jsonl") } else { path.to_owned() };
    let failed = |source: io::Error| BundleError::File { path: path.clone(), source };
    let mut lines = BufReader::new(File::open(&path).map_err(failed)?).lines();
    let first = lines.next().transpose().map_err(failed)?.unwrap_or_default();
    let not_one =
        |why: &str| failed(io::Error::new(io::ErrorKind::InvalidData, format!("not a bundle: {why}")));
    let header: Header = serde_json::from_str(&first).map_err(|error| not_one(&error.to_string()))?;
    if header.interflow_bundle != FORM {
        return Err(not_one("its form is newer than this program"));
    }
    let mut check = Check::of(&header, keys);
    watch(0, header.events);
    for line in lines {
        check.line(&line.map_err(failed)?);
        watch(check.order.lines(), header.events.max(check.order.lines()));
    }
    Ok(check.end())
}

struct Check<'h> {
    header: &'h Header,
    checked: Checked,
    checkpoint: Option<Checkpoint>,
    order: Order,
}

impl<'h> Check<'h> {
    fn of(header: &'h Header, keys: &[Verifier]) -> Self {
        let own: Vec<Verifier> = header.keys.iter().filter_map(|key| key.parse().ok()).collect();
        let believed = if keys.is_empty() { &own } else { keys };
        let note: Option<Note> = header.checkpoint.parse().ok();
        let checkpoint: Option<Checkpoint> = note.as_ref().and_then(|note| note.text().parse().ok());
        let signed_with: Vec<&Verifier> =
            note.as_ref().map(|note| note.verified_by(believed)).unwrap_or_default();
        let size = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let checked = Checked {
            events: 0,
            sealed: size,
            root: checkpoint.as_ref().map(|checkpoint| checkpoint.root.to_string()),
            origin: checkpoint.as_ref().map(|checkpoint| checkpoint.origin.clone()),
            signed_with: signed_with.iter().map(ToString::to_string).collect(),
            faults: vec![],
            more_faults: 0,
        };
        let mut check = Self { header, checked, checkpoint, order: Order::of(&header.selection, size) };
        let origin = check.checked.origin.clone().unwrap_or_default();
        if signed_with.iter().all(|key| key.name() != origin) {
            check.is_not_the_logs("the checkpoint is not signed by a known key of its tree");
        }
        if !origin.starts_with(&format!("interflow/{}/", header.workspace))
            || header.workspace.uuid() != header.workspace_uuid
        {
            check.is_not_the_logs("the checkpoint is of another workspace");
        }
        check
    }

    fn is_not_the_logs(&mut self, why: &str) {
        let what = why.to_owned();
        self.checked.faults.push(Fault { kind: FaultKind::Signature, position: 0, until: 0, what });
    }

    fn line(&mut self, text: &str) {
        let Ok(line) = serde_json::from_str::<Line<'_>>(text) else { return self.order.unreadable() };
        if !self.proves(&line) {
            return self.order.unproved(&line);
        }
        self.order.proved(&line);
        if let Err(why) = opens(&line) {
            self.order.shown_wrongly(&line, why);
        }
    }

    fn proves(&self, line: &Line<'_>) -> bool {
        let Some(checkpoint) = &self.checkpoint else { return false };
        let path: Option<Vec<Hash>> = line.path.iter().map(|hash| hash.parse().ok()).collect();
        let (Some(path), Some(leaf)) = (path, line.leaf(self.header.workspace_uuid)) else { return false };
        let Some(index) = line.position.checked_sub(1) else { return false };
        verify_inclusion(leaf.hash(), index, checkpoint.size, &path, checkpoint.root)
    }

    fn end(self) -> Checked {
        let mut checked = self.checked;
        checked.events = self.order.lines();
        let (faults, more) = self.order.end(self.header);
        checked.faults.extend(faults);
        checked.more_faults = more + checked.faults.len().saturating_sub(TOLD) as u64;
        checked.faults.truncate(TOLD);
        checked
    }
}
