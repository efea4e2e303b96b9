use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use interflow_embedded_postgres::{Config, ConnectionInfo, EmbeddedPostgres};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A directory that every user may pass through, as /srv or /var/lib.
pub fn room() -> TempDir {
    room_of(0o755)
}

/// A directory that only we may enter, as /root.
pub fn private_room() -> TempDir {
    room_of(0o700)
}

fn room_of(mode: u32) -> TempDir {
    let room = tempfile::tempdir().unwrap();
    fs::set_permissions(room.path(), Permissions::from_mode(mode)).unwrap();
    room
}

pub fn config(data_dir: impl Into<PathBuf>) -> Config {
    let mut config = Config::new(data_dir);
    config.bin_dir = std::env::var_os("PG_BIN_DIR").map(PathBuf::from);
    config.settings.push(("shared_buffers".into(), "4MB".into()));
    config
}

pub async fn start(data_dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(config(data_dir)).await.unwrap_or_else(|error| panic!("{error}"))
}

pub async fn run(to: &ConnectionInfo, sql: &'static str) {
    let mut connection = PgConnection::connect(&to.url()).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub async fn ask(to: &ConnectionInfo, sql: &'static str) -> String {
    let mut connection = PgConnection::connect(&to.url()).await.unwrap();
    let answer: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    answer
}

pub const KEEP: &str = "CREATE TABLE IF NOT EXISTS kept (what text); INSERT INTO kept VALUES ('the message')";
pub const KEPT: &str = "SELECT what FROM kept";

/// The process that serves the directory.
pub fn postmaster(data_dir: &Path) -> u32 {
    let file = fs::read_to_string(data_dir.join("postgres/cluster/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

pub fn kill_9(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

pub fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !happened() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process runs: one that ended and was not waited for does not.
pub fn runs(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
