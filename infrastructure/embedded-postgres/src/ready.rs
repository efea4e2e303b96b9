//! Is it ready, and is it ours? A socket that accepts is not a server that answers, and a server that answers need
//! not be the one that we started: writing into another's database would be worse than not starting.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::Error;
use crate::config::{ConnectionInfo, DATABASE, USER};
use crate::launch::Door;
use crate::layout::Layout;
use crate::wire::{Row, Wire, WireError};

pub(crate) enum NotReady {
    /// Ask again: it starts, recovers, or does not listen yet.
    Yet(String),
    /// It is another server.
    Never(Error),
}

impl From<WireError> for NotReady {
    fn from(error: WireError) -> Self {
        Self::Yet(error.to_string())
    }
}

/// Asks the server that we started as process `pid`, and makes our database when it is missing.
pub(crate) fn ask_ours(layout: &Layout, info: &ConnectionInfo, pid: u32) -> Result<(), NotReady> {
    let mut wire = Wire::connect(&info.socket(), USER, "postgres")?;
    let peer = wire.peer_pid()?;
    if peer != pid {
        return Err(NotReady::Never(wrong(layout, info, format!("process {peer} listens there, not {pid}"))));
    }
    prove(&mut wire, layout, info)?;
    let missing = wire.query(&format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"))?.is_empty();
    if missing {
        wire.query(&format!("CREATE DATABASE {DATABASE}"))?;
    }
    Wire::connect(&info.socket(), USER, DATABASE)?.query("SELECT 1")?;
    Ok(())
}

/// Asks a server that another process started.
pub(crate) fn ask_theirs(layout: &Layout, info: &ConnectionInfo) -> Result<(), NotReady> {
    let mut wire = Wire::connect(&info.socket(), USER, DATABASE)?;
    prove(&mut wire, layout, info)
}

fn prove(wire: &mut Wire, layout: &Layout, info: &ConnectionInfo) -> Result<(), NotReady> {
    let rows = wire.query(
        "SELECT current_setting('data_directory'), current_setting('cluster_name'), system_identifier::text \
         FROM pg_control_system()",
    )?;
    let never = |reason| NotReady::Never(wrong(layout, info, reason));
    match compare(layout, rows.first()) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(never(reason)),
        Err(error) => Err(NotReady::Never(error)),
    }
}

/// The difference between what the server says of itself and what lies in the directory.
fn compare(layout: &Layout, said: Option<&Row>) -> Result<Option<String>, Error> {
    let Some([Some(directory), Some(mark), Some(identifier)]) = said.map(Vec::as_slice) else {
        return Ok(Some("it does not say what it serves".into()));
    };
    let same_place = if Door::is_one(Path::new(directory)) {
        *mark == layout.mark()?
    } else {
        place(Path::new(directory)).is_some_and(|place| Some(place) == self::place(&layout.cluster))
    };
    let on_disk = system_identifier(&layout.cluster)?;
    Ok(match () {
        () if !same_place => Some(format!("it serves {directory}")),
        () if *identifier != on_disk => {
            Some(format!("its cluster is number {identifier}, and the one on disk is {on_disk}"))
        }
        () => None,
    })
}

fn place(dir: &Path) -> Option<(u64, u64)> {
    fs::metadata(dir).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// The number that `initdb` gave the cluster: the first eight bytes of its control file, in every version.
fn system_identifier(cluster: &Path) -> Result<String, Error> {
    let path = cluster.join("global/pg_control");
    let mut bytes = [0; 8];
    fs::File::open(&path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::io("read", &path))?;
    Ok(u64::from_ne_bytes(bytes).to_string())
}

fn wrong(layout: &Layout, info: &ConnectionInfo, reason: String) -> Error {
    Error::WrongServer { socket: info.socket(), cluster: layout.cluster.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_of_another_directory_or_of_a_replaced_cluster_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::of(dir.path()).unwrap();
        fs::create_dir_all(layout.cluster.join("global")).unwrap();
        fs::write(layout.cluster.join("global/pg_control"), [7u64.to_ne_bytes(), [9; 8]].concat()).unwrap();
        let mark = layout.mark().unwrap();
        let row = |directory: &str, mark: &str, identifier: &str| {
            let said = [directory, mark, identifier].map(|text| Some(text.to_owned())).to_vec();
            compare(&layout, Some(&said)).unwrap()
        };
        let here = layout.cluster.to_str().unwrap();
        assert_eq!(row(here, "any", "7"), None);
        assert_eq!(row("/proc/self/fd/9", &mark, "7"), None);
        assert_eq!(row("/tmp", &mark, "7").unwrap(), "it serves /tmp");
        assert!(row("/proc/self/fd/9", "interflow-0-0", "7").is_some());
        assert!(row(here, &mark, "8").unwrap().contains("number 8"));
        assert!(compare(&layout, None).unwrap().is_some());
    }
}
