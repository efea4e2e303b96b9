//! Which node this is. Its id lives in the data directory, so that a server that starts again takes up its own
//! sessions at once; and one process at a time may be it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use interflow_application::Ids;
use uuid::Uuid;

const FILE_NAME: &str = "node.id";

/// A node, held by this process.
#[derive(Debug)]
pub struct Node {
    id: Uuid,
    /// Locked for as long as it is open.
    _file: File,
}

/// Why this process cannot be the node of a data directory.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Another process is.
    #[error(
        "another Interflow is using {0}: stop it first, or set INTERFLOW_DATA_DIR to a directory of its own"
    )]
    InUse(PathBuf),
    /// The file cannot be used.
    #[error("the file {path} cannot be used")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Node {
    /// Takes the node of a data directory; its id is made when there is none.
    pub fn claim(data_dir: &Path, ids: &dyn Ids) -> Result<Self, NodeError> {
        let path = data_dir.join(FILE_NAME);
        let failed = |source| NodeError::File { path: path.clone(), source };
        std::fs::create_dir_all(data_dir).map_err(failed)?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => NodeError::InUse(data_dir.to_owned()),
            TryLockError::Error(source) => failed(source),
        })?;
        let id = match read(&mut file).map_err(failed)? {
            Some(id) => id,
            None => write(&mut file, ids.next()).map_err(failed)?,
        };
        Ok(Self { id, _file: file })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }
}

fn read(file: &mut File) -> io::Result<Option<Uuid>> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    // A crash may have left it half written, or empty: then nothing was leased under it.
    Ok(Uuid::try_parse(text.trim()).ok())
}

fn write(file: &mut File, id: Uuid) -> io::Result<Uuid> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Default)]
    struct Counted(AtomicU64);

    impl Ids for Counted {
        fn next(&self) -> Uuid {
            Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
        }
    }

    #[test]
    fn a_node_keeps_its_id_and_is_one_process_at_a_time() {
        let (directory, ids) = (tempfile::tempdir().unwrap(), Counted::default());
        let node = Node::claim(directory.path(), &ids).unwrap();
        assert!(matches!(Node::claim(directory.path(), &ids), Err(NodeError::InUse(_))));
        let id = node.id();
        drop(node);
        assert_eq!(Node::claim(directory.path(), &ids).unwrap().id(), id);
    }
}
