//! How programs of PostgreSQL are run: as whom, with which environment, and how they are told where a directory is
//! that its user has no way to.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, ffi::OsString};

use crate::account::{Account, Login};

/// A command with nothing of ours in it: not our environment (it holds keys), not our working directory (the
/// server's user may not be allowed in), not our terminal (Ctrl-C is for us; we stop the server in order).
pub(crate) fn program(path: &Path, account: &Account) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PATH", env::var_os("PATH").unwrap_or(OsString::from("/usr/bin:/bin")));
    if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.current_dir("/").stdin(Stdio::null()).process_group(0);
    account.dress(&mut command);
    command
}

/// How a program is told of a directory: by its path, or, where the program's user may not pass a directory above
/// it (a data directory under /root, say), by a descriptor that is open already: `/proc/self/fd/N` leads to the
/// directory without walking down to it.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) path: PathBuf,
    open: Option<File>,
}

impl Door {
    pub(crate) fn to(dir: &Path, account: &Account) -> io::Result<Self> {
        match account {
            Account::Other(login) if may_enter(dir, login) != Entry::Open => {
                let open = File::open(dir)?;
                let path = format!("{}{}", Self::PREFIX, open.as_raw_fd()).into();
                Ok(Self { path, open: Some(open) })
            }
            _ => Ok(Self { path: dir.to_owned(), open: None }),
        }
    }

    const PREFIX: &str = "/proc/self/fd/";

    /// Whether a path that a server reports is a door and says nothing to anybody else.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.starts_with(Self::PREFIX)
    }
}

/// What the child must inherit.
pub(crate) fn descriptors<'a>(doors: &'a [&'a Door]) -> Vec<BorrowedFd<'a>> {
    doors.iter().filter_map(|door| door.open.as_ref()).map(|file| file.as_fd()).collect()
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Open,
    /// The first directory on the way that the user may not pass.
    Blocked(PathBuf),
}

/// Whether a user without further groups may walk down to `dir` and into it. Access lists are not asked: where
/// they alone open the way, a door is used without need, which does no harm.
pub(crate) fn may_enter(dir: &Path, login: &Login) -> Entry {
    let mut way: Vec<_> = dir.ancestors().collect();
    way.reverse();
    for step in way {
        let Ok(meta) = fs::metadata(step) else { return Entry::Blocked(step.to_owned()) };
        let search = match () {
            () if meta.uid() == login.uid => 0o100,
            () if meta.gid() == login.gid => 0o010,
            () => 0o001,
        };
        if meta.mode() & search == 0 {
            return Entry::Blocked(step.to_owned());
        }
    }
    Entry::Open
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_directory_that_bars_the_way_is_named() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("private/data");
        fs::create_dir_all(&below).unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let stranger = Login { name: "stranger".into(), uid: 4242, gid: 4242 };
        assert_eq!(may_enter(&below, &stranger), Entry::Open);
        fs::set_permissions(root.path().join("private"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(may_enter(&below, &stranger), Entry::Blocked(root.path().join("private")));
    }

    #[test]
    fn a_program_sees_nothing_of_our_environment() {
        let output = program(Path::new("/usr/bin/env"), &Account::Own).output().unwrap();
        let names = String::from_utf8(output.stdout).unwrap();
        assert!(
            names
                .lines()
                .all(|line| ["LC_ALL=", "PATH=", "LD_LIB"].iter().any(|name| line.starts_with(name)))
        );
    }
}
