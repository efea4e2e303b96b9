//! Checkpoints outside of the database: a file that only grows. Whoever keeps it where the operator of the database cannot
//! write holds the proof of what the log was.
//!
//! Before a checkpoint is added it is compared with the last one of the same tree: the tree must have it as its beginning.
//! One that has not is not added, and the server says so: the file keeps what it was.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use interflow_application::proof::{Checkpoint, Note};
use interflow_domain::WorkspaceId;
use serde::{Deserialize, Serialize};

/// A checkpoint that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// When it was signed.
    pub at: DateTime<Utc>,
    /// Whose log it is of.
    pub workspace: WorkspaceId,
    /// How many events that had.
    pub size: u64,
    /// The checkpoint, signed.
    pub note: String,
}

impl Anchor {
    /// What it says; none when its note cannot be read.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.note.parse::<Note>().ok()?.text().parse().ok()
    }
}

/// A file of anchors cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the anchor file {path} cannot be used: {source}")]
pub struct AnchorFileError {
    path: PathBuf,
    source: io::Error,
}

/// A file of anchors: one JSON object a line.
#[derive(Debug)]
pub(super) struct AnchorFile {
    path: PathBuf,
    file: File,
    /// The last of each log.
    pub(super) last: HashMap<WorkspaceId, Anchor>,
}

/// The anchors of a workspace in a file; of all, when none is named. A last line that a crash has cut off is left out.
pub fn read_anchors(path: &Path, workspace: Option<WorkspaceId>) -> Result<Vec<Anchor>, AnchorFileError> {
    let failed = |source| AnchorFileError { path: path.to_owned(), source };
    let mut anchors = vec![];
    let file = File::open(path).map_err(failed)?;
    each_line(file, &mut |anchor| {
        if workspace.is_none_or(|workspace| anchor.workspace == workspace) {
            anchors.push(anchor);
        }
    })
    .map_err(failed)?;
    Ok(anchors)
}

impl AnchorFile {
    /// Opens the file, or makes it, and reads how far it is.
    pub(super) fn open(path: &Path) -> Result<Self, AnchorFileError> {
        let failed = |source| AnchorFileError { path: path.to_owned(), source };
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            let mut last = HashMap::new();
            if !each_line(file.try_clone()?, &mut |anchor: Anchor| {
                drop(last.insert(anchor.workspace, anchor))
            })? {
                // What a crash has cut off is a line of its own.
                file.write_all(b"\n")?;
            }
            Ok((file, last))
        };
        let (file, last) = open().map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, last })
    }

    /// Adds anchors; on the disk when it returns.
    pub(super) fn add(&mut self, anchors: Vec<Anchor>) -> Result<(), AnchorFileError> {
        let mut lines = vec![];
        for anchor in &anchors {
            serde_json::to_writer(&mut lines, anchor).map_err(|error| self.failed(error.into()))?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        written.map_err(|error| self.failed(error))?;
        self.last.extend(anchors.into_iter().map(|anchor| (anchor.workspace, anchor)));
        Ok(())
    }

    fn failed(&self, source: io::Error) -> AnchorFileError {
        AnchorFileError { path: self.path.clone(), source }
    }
}

/// Gives each anchor, and says whether the file ends with a whole line. A line that a crash has cut off is none.
fn each_line(file: File, give: &mut dyn FnMut(Anchor)) -> io::Result<bool> {
    let mut lines = BufReader::new(file);
    let mut line = String::new();
    let mut whole = true;
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Ok(whole);
        }
        whole = line.ends_with('\n');
        if let Ok(anchor) = serde_json::from_str(&line) {
            give(anchor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(workspace: u128, size: u64) -> Anchor {
        let workspace = WorkspaceId::new(uuid::Uuid::from_u128(workspace));
        Anchor { at: DateTime::default(), workspace, size, note: "a\n\nb\n".to_owned() }
    }

    #[test]
    fn a_file_grows_over_starts_and_over_a_line_that_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("anchors.jsonl");
        let mut file = AnchorFile::open(&path).unwrap();
        file.add(vec![anchor(1, 5), anchor(2, 7)]).unwrap();
        file.add(vec![anchor(1, 9)]).unwrap();
        assert_eq!(file.last[&anchor(1, 0).workspace].size, 9);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
        assert_eq!(read_anchors(&path, None).unwrap().len(), 3);

        let mut file = AnchorFile::open(&path).unwrap();
        assert_eq!(file.last[&anchor(2, 0).workspace].size, 7);
        file.add(vec![anchor(2, 8)]).unwrap();
        let sizes = |workspace| {
            let anchors = read_anchors(&path, Some(anchor(workspace, 0).workspace)).unwrap();
            anchors.into_iter().map(|anchor| anchor.size).collect::<Vec<_>>()
        };
        assert_eq!((sizes(1), sizes(2)), (vec![5, 9], vec![7, 8]));
        assert!(std::fs::read(&path).unwrap().starts_with(&whole), "nothing is ever taken away");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let error = AnchorFile::open(Path::new("/nowhere/anchors.jsonl")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/anchors.jsonl"), "{error}");
    }
}
