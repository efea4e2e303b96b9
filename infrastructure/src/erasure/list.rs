//! The erasure list: who was erased, in a file outside of the database. Only ever added to, and on the disk before the
//! erasure is done; ids and times alone.
//!
//! A backup of the database knows whoever was erased after it was made. Restored, it is made to forget them again by this
//! list, which therefore must not be restored with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use interflow_domain::customer::ErasureReason;
use interflow_domain::{CustomerId, WorkspaceId};
use serde::{Deserialize, Serialize};

/// Who was erased: a line of the file, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// Who.
    pub customer: CustomerId,
    /// When.
    pub erased_at: DateTime<Utc>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ErasureReason>,
}

/// The list cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the erasure list {path} cannot be used: {source}")]
pub struct ListError {
    path: PathBuf,
    source: io::Error,
}

/// The file.
#[derive(Debug)]
pub struct ErasureList {
    path: PathBuf,
    writing: Mutex<()>,
}

impl ErasureList {
    /// The list at this place; made when the first is erased.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), writing: Mutex::new(()) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry, and returns when it is on the disk.
    pub async fn add(self: &Arc<Self>, entry: &Entry) -> Result<(), ListError> {
        let (list, entry) = (Arc::clone(self), entry.clone());
        let added = tokio::task::spawn_blocking(move || list.write(&entry)).await;
        added.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| self.failed(source))
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            fs::create_dir_all(directory)?;
        }
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&self.path)?;
        let mut line = serde_json::to_string(entry).map_err(io::Error::other)?;
        // A line that a crash broke off must not take the next one with it.
        if !ends_with_a_line(&mut file)? {
            line.insert(0, '\n');
        }
        line.push('\n');
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        File::open(directory.unwrap_or_else(|| Path::new("."))).and_then(|directory| directory.sync_all())
    }

    /// Everybody on it, in order. A line that was broken off by a crash was never promised, and is passed over.
    pub async fn read(self: &Arc<Self>) -> Result<Vec<Entry>, ListError> {
        let path = self.path.clone();
        let text = tokio::task::spawn_blocking(move || match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            read => read,
        });
        let text = text.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let text = text.map_err(|source| self.failed(source))?;
        let mut entries = vec![];
        for (line, number) in text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(entry) => entries.push(entry),
                Err(_) => {
                    tracing::warn!(line = number, "a line of the erasure list is broken, and is passed over")
                }
            }
        }
        Ok(entries)
    }

    fn failed(&self, source: io::Error) -> ListError {
        ListError { path: self.path.clone(), source }
    }
}

fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u128) -> Entry {
        let id = uuid::Uuid::from_u128(number);
        Entry {
            workspace: WorkspaceId::new(id),
            customer: CustomerId::new(id),
            erased_at: DateTime::UNIX_EPOCH,
            reason: "gdpr_art_17".parse().ok(),
        }
    }

    #[tokio::test]
    async fn what_was_added_is_read_and_a_line_that_broke_off_harms_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let list = ErasureList::at(directory.path().join("deep/erasures.jsonl"));
        assert_eq!(list.read().await.unwrap(), []);
        list.add(&entry(1)).await.unwrap();
        let mut file = OpenOptions::new().append(true).open(list.path()).unwrap();
        file.write_all(b"{\"workspace\":\"wsp_0").unwrap();
        list.add(&entry(2)).await.unwrap();
        list.add(&Entry { reason: None, ..entry(3) }).await.unwrap();
        let expected = [entry(1), entry(2), Entry { reason: None, ..entry(3) }];
        assert_eq!(list.read().await.unwrap(), expected);
    }
}
