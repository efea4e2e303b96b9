//! Finds PostgreSQL's programs: what the operator named, then PATH, `pg_config`, and where distributions put them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::Error;
use crate::account::Account;
use crate::launch::{Entry, may_enter, program};

const OLDEST: u32 = 14;
/// Directories of distributions, `*` standing for a version.
const USUAL: [&str; 7] = [
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/lib/postgresql*/bin",
    "usr/libexec/postgresql*",
    "usr/lib64/pgsql/bin",
    "usr/local/pgsql/bin",
    "opt/homebrew/opt/postgresql@*/bin",
];

/// Where to look; a test looks elsewhere.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) path: OsString,
    pub(crate) root: PathBuf,
}

impl Places {
    pub(crate) fn of_this_machine() -> Self {
        Self { path: env::var_os("PATH").unwrap_or_default(), root: "/".into() }
    }

    /// Directories that hold both programs, the preferred ones first, links resolved: the server finds its own
    /// files from where it really is.
    fn directories(&self) -> Vec<PathBuf> {
        let on_path: Vec<_> = env::split_paths(&self.path).filter(|dir| dir.is_absolute()).collect();
        let mut dirs = on_path.clone();
        let mut programs = on_path.iter().map(|dir| dir.join("pg_config"));
        dirs.extend(programs.find(|program| program.is_file()).and_then(|program| asked(&program)));
        for pattern in USUAL {
            dirs.extend(expand(&self.root, pattern));
        }
        let mut seen = HashSet::new();
        dirs.iter().filter_map(|dir| real_bin_dir(dir)).filter(|dir| seen.insert(dir.clone())).collect()
    }
}

fn asked(pg_config: &Path) -> Option<PathBuf> {
    let answer = Command::new(pg_config).arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim()))
}

/// Expands the one component of the pattern that has a `*`, the highest version first.
fn expand(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    for part in pattern.split('/') {
        found = match part.split_once('*') {
            None => found.into_iter().map(|dir| dir.join(part)).collect(),
            Some((before, after)) => {
                let mut versions: Vec<(u32, PathBuf)> = found
                    .iter()
                    .filter_map(|dir| fs::read_dir(dir).ok())
                    .flatten()
                    .filter_map(Result::ok)
                    .filter_map(|entry| {
                        let name = entry.file_name();
                        let version = name.to_str()?.strip_prefix(before)?.strip_suffix(after)?;
                        Some((version.parse().ok()?, entry.path()))
                    })
                    .collect();
                versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
                versions.into_iter().map(|(_, path)| path).collect()
            }
        };
    }
    found
}

fn real_bin_dir(dir: &Path) -> Option<PathBuf> {
    let real = fs::canonicalize(dir.join("postgres")).ok()?.parent()?.to_owned();
    (real.join("postgres").is_file() && real.join("initdb").is_file()).then_some(real)
}

/// One installed PostgreSQL that the account can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    pub(crate) bin_dir: PathBuf,
    pub(crate) major: u32,
    pub(crate) version: String,
}

impl Installation {
    /// `wanted`: the major version of an existing cluster, as its PG_VERSION says it.
    pub(crate) fn find(
        places: &Places,
        named: Option<&Path>,
        account: &Account,
        cluster: &Path,
        wanted: Option<&str>,
    ) -> Result<Self, Error> {
        let mut found = Vec::new();
        let mut trouble = None;
        if let Some(dir) = named {
            let missing = ["postgres", "initdb"].into_iter().find(|name| !dir.join(name).is_file());
            if let Some(missing) = missing {
                return Err(Error::BinDir { bin_dir: dir.to_owned(), missing });
            }
            let real = real_bin_dir(dir).unwrap_or_else(|| dir.to_owned());
            found.push(Self::examine(real, account)?);
        }
        // A named directory is only left for a cluster that it cannot serve.
        if named.is_none() || wanted.is_some_and(|wanted| found.iter().all(|one| !one.writes(wanted))) {
            for dir in places.directories() {
                match Self::examine(dir, account) {
                    Ok(installation) => found.push(installation),
                    Err(error) => drop(trouble.get_or_insert(error)),
                }
            }
        }
        let Some(first) = found.first() else { return Err(trouble.unwrap_or(Error::NoPostgres)) };
        if let Some(wanted) = wanted {
            let versions = || found.iter().map(|one| one.major.to_string()).collect::<Vec<_>>().join(", ");
            return found.iter().find(|one| one.writes(wanted)).cloned().ok_or_else(|| Error::WrongVersion {
                cluster: cluster.to_owned(),
                wanted: wanted.to_owned(),
                found: versions(),
            });
        }
        let too_old = Error::TooOld { found: first.major };
        found.iter().find(|one| one.major >= OLDEST).cloned().ok_or(too_old)
    }

    fn writes(&self, version: &str) -> bool {
        version == self.major.to_string()
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.bin_dir.join("postgres")
    }

    pub(crate) fn initdb(&self) -> PathBuf {
        self.bin_dir.join("initdb")
    }

    fn examine(bin_dir: PathBuf, account: &Account) -> Result<Self, Error> {
        let postgres = bin_dir.join("postgres");
        let output = match program(&postgres, account).arg("--version").output() {
            Ok(output) => output,
            Err(error) => return Err(why_not(error, bin_dir, postgres, account)),
        };
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match parse_major(&text) {
            Some(major) => Ok(Self { bin_dir, major, version: text }),
            None => {
                let said = String::from_utf8_lossy(&output.stderr);
                let reason = format!("`--version` said `{}` ({})", said.trim(), output.status);
                Err(Error::BrokenPostgres { program: postgres, reason })
            }
        }
    }
}

fn why_not(error: io::Error, bin_dir: PathBuf, postgres: PathBuf, account: &Account) -> Error {
    match (error.kind(), account) {
        // EPERM comes from setuid and its kin, EACCES from the path.
        (ErrorKind::PermissionDenied, Account::Other(login)) if error.raw_os_error() == Some(1) => {
            Error::MayNotSwitchUser { user: login.name.clone(), source: error }
        }
        (ErrorKind::PermissionDenied, Account::Other(login)) => {
            let blocked = match may_enter(&bin_dir, login) {
                Entry::Blocked(dir) => dir,
                Entry::Open => postgres,
            };
            Error::BinariesUnreachable { user: login.name.clone(), bin_dir, blocked }
        }
        _ => Error::BrokenPostgres { program: postgres, reason: error.to_string() },
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15, and so are `15beta1` and `15devel`.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
