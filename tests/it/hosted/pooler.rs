//! PgBouncer before the tests' Postgres.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::support::{PATIENCE, say};

pub struct Pooler {
    pub port: u16,
    /// The certificate of who signed its own, when it speaks TLS.
    pub root: PathBuf,
    child: Child,
    _directory: TempDir,
}

impl Pooler {
    /// Starts one in transaction mode before this database, with few connections; `None` where there is no program.
    pub fn start(database: &PgConnectOptions, tls: bool) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = program.into_iter().find(|path| Path::new(path).exists()) else {
            say("SKIPPED: pgbouncer is not installed (scripts/ensure-pgbouncer)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let socket = database.get_socket().unwrap().display();
        let (server_port, user) = (database.get_port(), database.get_username());
        let mut config = format!(
            "[databases]\n* = host={socket} port={server_port} user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\nlogfile = {}\n",
            path("log")
        );
        if tls {
            certify(directory.path());
            config += &format!(
                "client_tls_sslmode = require\nclient_tls_key_file = {}\nclient_tls_cert_file = {}\n",
                path("server.key"),
                path("server.crt")
            );
        }
        fs::write(path("pgbouncer.ini"), config).unwrap();
        let mut command = Command::new(program);
        // It refuses to be root; then it is who the tests' Postgres is, whose socket is private.
        let socket = Path::new(database.get_socket().unwrap());
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(socket).unwrap());
        if std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0 {
            let name = account(owner);
            for file in fs::read_dir(directory.path()).unwrap().flatten() {
                std::os::unix::fs::chown(file.path(), Some(owner), None).unwrap();
            }
            std::os::unix::fs::chown(directory.path(), Some(owner), None).unwrap();
            command.args(["-u", &name]);
        }
        command.arg("-q").arg(path("pgbouncer.ini"));
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pooler = Self { port, root: directory.path().join("ca.crt"), child, _directory: directory };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "pgbouncer does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(pooler)
    }

    /// The URL of a database through it.
    pub fn url(&self, host: &str, database: &PgConnectOptions, parameters: &str) -> String {
        let (user, name) = (database.get_username(), database.get_database().unwrap());
        format!("postgres://{user}:x@{host}:{}/{name}?pgbouncer=true{parameters}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // Ended already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn account(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap();
    let of = |line: &str| line.split(':').nth(2) == Some(&uid.to_string());
    accounts.lines().find(|line| of(line)).unwrap().split(':').next().unwrap().to_owned()
}

/// Makes an authority, and a certificate of it for localhost by name: not for 127.0.0.1.
pub fn certify(directory: &Path) {
    fs::write(directory.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for arguments in [
        format!("req -x509 {key} -keyout ca.key -out ca.crt -subj /CN=authority -days 2"),
        format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -out server.crt -days 2"
            .to_owned(),
    ] {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(directory);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
