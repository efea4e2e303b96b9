//! The directories, who may enter them, and the mark by which processes of this cluster are recognised.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;

use crate::Error;
use crate::account::Account;
use crate::config::socket_in;

/// `sun_path` holds 108 bytes, the last of them a NUL.
const SOCKET_ADDRESS: usize = 107;

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Absolute, links resolved: one directory has one name.
    pub(crate) data_dir: PathBuf,
    /// Everything that the server's user may touch.
    pub(crate) home: PathBuf,
    pub(crate) cluster: PathBuf,
}

impl Layout {
    pub(crate) fn of(data_dir: &Path) -> io::Result<Self> {
        let data_dir = fs::canonicalize(data_dir)?;
        // Whoever owns the data directory may have laid this one on another disk.
        let home = data_dir.join("postgres");
        let home = fs::canonicalize(&home).unwrap_or(home);
        let cluster = home.join("cluster");
        Ok(Self { data_dir, home, cluster })
    }

    pub(crate) fn create_data_dir(data_dir: &Path) -> Result<Self, Error> {
        // Under root another user's server passes through here, with no need to see what is in it.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(data_dir) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => data_dir
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| DirBuilder::new().mode(mode).create(data_dir)),
            other => other,
        }
        .and_then(|()| Self::of(data_dir))
        .map_err(Error::io("make the data directory", data_dir))
    }

    /// The owner of what a former start left, which is the one to go on as.
    pub(crate) fn owner(&self) -> Result<Option<(u32, u32)>, Error> {
        let Ok(home) = fs::symlink_metadata(&self.home) else { return Ok(None) };
        let us = geteuid();
        if !us.is_root() && home.uid() != us.as_raw() {
            return Err(Error::NotOwner { path: self.home.clone(), owner: home.uid(), us: us.as_raw() });
        }
        // What is in it may have been restored by root; then the directory above says nothing better.
        let cluster = fs::symlink_metadata(&self.cluster).unwrap_or(home);
        Ok(Some((cluster.uid(), cluster.gid())))
    }

    pub(crate) fn create_home(&self, account: &Account) -> Result<(), Error> {
        if let Account::Other(login) = account {
            let restored =
                fs::symlink_metadata(&self.cluster).is_ok_and(|cluster| cluster.uid() != login.uid);
            if restored {
                // While root walks through it, nobody else may exchange a directory for a link.
                hold_dir(&self.home, None)?;
                own_tree(&self.cluster, account)?;
            }
        }
        private_dir(&self.home, account)
    }

    /// The major version of the cluster, if there is one.
    pub(crate) fn version(&self) -> Result<Option<String>, Error> {
        let path = self.cluster.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(Some(version.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Names this cluster in the command line and in the process titles of its server, which any user can read
    /// where the working directory of a process cannot be.
    pub(crate) fn mark(&self) -> Result<String, Error> {
        let meta = fs::metadata(&self.cluster).map_err(Error::io("look at", &self.cluster))?;
        Ok(format!("interflow-{:x}-{:x}", meta.dev(), meta.ino()))
    }

    /// Makes and returns the directory for the socket: beside the cluster, or, where a client could not spell that
    /// path, a private one under /tmp. Not under /run/user, which is swept when its user logs out.
    pub(crate) fn create_socket_dir(&self, account: &Account) -> Result<PathBuf, Error> {
        let beside = self.beside();
        if is_spellable(&beside) {
            private_dir(&beside, account)?;
            return Ok(beside);
        }
        let mark = self.mark()?;
        let names = (0..8).map(|n| PathBuf::from(format!("/tmp/{mark}-{n}")));
        for dir in names {
            match DirBuilder::new().mode(0o700).create(&dir) {
                Ok(()) => account.own(&dir)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("make the socket directory", &dir)(error)),
            }
            if is_ours(&dir, account) {
                return Ok(dir);
            }
        }
        Err(Error::NoSocketDir { path: format!("/tmp/{mark}-0").into() })
    }

    pub(crate) fn beside(&self) -> PathBuf {
        self.home.join("socket")
    }

    /// Lock and socket of a dead server: only its successor, who holds our lock, may take them away.
    pub(crate) fn sweep_socket_dir(dir: &Path) {
        let socket = socket_in(dir);
        for path in [socket.with_file_name(".s.PGSQL.5432.lock"), socket] {
            // What cannot be removed makes the server refuse to start, and its log says so.
            let _ = fs::remove_file(path);
        }
    }

    /// A socket directory outside of the data directory goes with its server.
    pub(crate) fn remove_socket_dir(&self, dir: &Path) {
        if !dir.starts_with(&self.home) {
            let _ = fs::remove_dir(dir);
        }
    }
}

/// Whether libpq and sqlx can be told of a socket in this directory: short enough, text, and without the comma that
/// separates hosts.
fn is_spellable(dir: &Path) -> bool {
    socket_in(dir).as_os_str().as_bytes().len() <= SOCKET_ADDRESS
        && dir.to_str().is_some_and(|dir| !dir.contains(|c: char| c == ',' || c.is_control()))
}

/// In /tmp anybody may have made the name first: it must be a directory, no link, of the server's user alone.
fn is_ours(dir: &Path, account: &Account) -> bool {
    let owner = match account {
        Account::Own => geteuid().as_raw(),
        Account::Other(login) => login.uid,
    };
    fs::symlink_metadata(dir)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == owner && meta.mode() & 0o077 == 0)
}

/// Makes the directory if need be, and gives it to the server's user alone.
pub(crate) fn private_dir(dir: &Path, account: &Account) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(Error::io("make the directory", dir)(error));
        }
        _ => {}
    }
    let login = match account {
        Account::Own => return hold_dir(dir, None),
        Account::Other(login) => login,
    };
    hold_dir(dir, Some((login.uid, login.gid)))
}

/// Sets owner (ourselves without one) and mode of a directory. What lies in a directory of the server's user may be
/// a link of its making: root must change the directory itself or nothing.
fn hold_dir(dir: &Path, owner: Option<(u32, u32)>) -> Result<(), Error> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = rustix::fs::open(dir, flags, Mode::empty());
    let open = File::from(open.map_err(|error| Error::io("enter the directory", dir)(error.into()))?);
    if geteuid().is_root() {
        let (uid, gid) = owner.unwrap_or((0, 0));
        fchown(&open, Some(uid), Some(gid)).map_err(|source| Error::may_not_give(uid, dir, source))?;
    }
    open.set_permissions(Permissions::from_mode(0o700)).map_err(Error::io("keep private", dir))
}

/// Children before their directory: as long as it is walked through, it is root's.
fn own_tree(path: &Path, account: &Account) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
            own_tree(&entry.map_err(Error::io("list", path))?.path(), account)?;
        }
    }
    account.own(path)
}

/// Makes a rename in this directory last.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_client_can_spell_gets_a_socket_elsewhere() {
        assert!(is_spellable(Path::new("/srv/my data/ü")));
        assert!(!is_spellable(Path::new("/srv/a,b")));
        assert!(!is_spellable(Path::new(&format!("/{}", "x".repeat(100)))));
    }

    #[test]
    fn a_link_or_an_open_directory_in_tmp_is_not_trusted() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("socket");
        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        assert!(is_ours(&dir, &Account::Own));
        fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
        assert!(!is_ours(&dir, &Account::Own));
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        assert!(!is_ours(&link, &Account::Own));
    }
}
