//! What a caller says ([`Config`]) and what it gets ([`ConnectionInfo`]).

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Error;

/// The superuser and the database that every cluster of ours has.
pub(crate) const USER: &str = "interflow";
pub(crate) const DATABASE: &str = "interflow";
/// No TCP port is opened; the number is only part of the socket's file name.
pub(crate) const PORT: u16 = 5432;

/// How to run the embedded server.
#[derive(Debug, Clone)]
pub struct Config {
    /// `INTERFLOW_DATA_DIR`. Made when missing.
    pub data_dir: PathBuf,
    /// `PG_BIN_DIR`: where `postgres` and `initdb` are. `None` searches the usual places.
    pub bin_dir: Option<PathBuf>,
    /// How long the server may take until it answers, crash recovery and a dying predecessor included.
    pub startup_timeout: Duration,
    /// How long a fast shutdown may take before it becomes an immediate one (which costs a recovery at the next
    /// start, never data).
    pub stop_timeout: Duration,
    /// PostgreSQL settings on top of ours; the last one wins. Those that the supervisor relies on are refused.
    pub settings: Vec<(String, String)>,
}

impl Config {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bin_dir: None,
            startup_timeout: Duration::from_secs(120),
            stop_timeout: Duration::from_secs(20),
            settings: Vec::new(),
        }
    }

    /// The settings that keep the server private and recognisable. Overriding one would break a promise.
    const OWN: [&str; 9] = [
        "listen_addresses",
        "unix_socket_directories",
        "unix_socket_permissions",
        "port",
        "data_directory",
        "hba_file",
        "cluster_name",
        "external_pid_file",
        "logging_collector",
    ];

    pub(crate) fn refuse_own_settings(&self) -> Result<(), Error> {
        match self.settings.iter().find(|(name, _)| Self::OWN.contains(&name.to_ascii_lowercase().as_str())) {
            Some((name, _)) => Err(Error::ReservedSetting { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// How to reach the embedded server. The same for as long as the server's data directory stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// For sqlx: `PgConnectOptions::socket`.
    pub socket_dir: PathBuf,
    pub port: u16,
    pub user: String,
    pub database: String,
}

impl ConnectionInfo {
    pub(crate) fn new(socket_dir: PathBuf) -> Self {
        Self { socket_dir, port: PORT, user: USER.into(), database: DATABASE.into() }
    }

    /// The socket itself.
    pub fn socket(&self) -> PathBuf {
        socket_in(&self.socket_dir)
    }

    /// A URL that libpq and sqlx understand alike. It holds no secret.
    pub fn url(&self) -> String {
        let mut url = format!("postgres:///{}?host=", self.database);
        for byte in self.socket_dir.as_os_str().as_bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    url.push(char::from(*byte));
                }
                // Writing to a String cannot fail.
                other => {
                    let _ = write!(url, "%{other:02X}");
                }
            }
        }
        let _ = write!(url, "&port={}&user={}", self.port, self.user);
        url
    }
}

pub(crate) fn socket_in(dir: &Path) -> PathBuf {
    dir.join(format!(".s.PGSQL.{PORT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_escapes_what_a_path_may_hold() {
        let info = ConnectionInfo::new("/srv/my data/ü&c".into());
        assert_eq!(
            info.url(),
            "postgres:///interflow?host=/srv/my%20data/%C3%BC%26c&port=5432&user=interflow"
        );
    }

    #[test]
    fn settings_that_keep_the_server_private_are_refused() {
        let mut config = Config::new("data");
        config.settings.push(("work_mem".into(), "8MB".into()));
        assert!(config.refuse_own_settings().is_ok());
        config.settings.push(("Listen_Addresses".into(), "*".into()));
        assert!(matches!(config.refuse_own_settings(), Err(Error::ReservedSetting { .. })));
    }
}
