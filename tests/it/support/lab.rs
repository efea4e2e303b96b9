//! The lab as a user has it: the network and the server as processes, the API over HTTP, phones over the control face.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;

use super::PATIENCE;
use super::api::Api;
use super::phones::Phones;

/// The admin key every server of these tests has.
pub const KEY: &str = "flowcore123";

/// Names the file that a process writes its log to, where a test reads it.
pub const LOG_FILE: &str = "INTERFLOW_TEST_LOG_FILE";

/// A process that is killed when it is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program of this build, and waits for the lines that begin with these words.
    pub fn start<const N: usize>(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
        announced: [&str; N],
    ) -> (Self, [String; N]) {
        let mut command = Command::new(built(program));
        command.args(arguments).env("INTERFLOW_ADMIN_KEY", KEY).env_remove("DATABASE_URL");
        if std::env::var_os("INTERFLOW_LOG").is_none() {
            command.env("INTERFLOW_LOG", "interflow=warn,warn");
        }
        command.envs(environment.iter().copied());
        if let Some((_, path)) = environment.iter().find(|(name, _)| *name == LOG_FILE) {
            command.stderr(std::fs::File::create(path).unwrap());
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (lines, line) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|text| drop(lines.send(text)))
        });
        let process = Self { child };
        let found = announced.map(|word| {
            loop {
                let text = line
                    .recv_timeout(PATIENCE)
                    .unwrap_or_else(|_| panic!("{program} did not say its {word}"));
                if let Some(rest) = text.trim().strip_prefix(word) {
                    break rest.trim().to_owned();
                }
            }
        });
        (process, found)
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        signal("TERM", self.child.id());
        self.wait()
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}

/// Where a program of this build is.
pub fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join(program);
    assert!(path.exists(), "{} is not built: run the tests through `make test`", path.display());
    path
}

/// The simulated network, as a process.
pub struct NetworkProcess {
    pub phones: Phones,
    pub ws_url: String,
    _process: Process,
}

impl NetworkProcess {
    pub fn start() -> Self {
        let arguments = ["network", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
        let (process, [ws_url, url]) =
            Process::start("interflow-lab", &arguments, &[], ["clients", "control"]);
        Self { phones: Phones { http: reqwest::Client::new(), url }, ws_url, _process: process }
    }

    /// Starts a server against it; gives its address.
    pub fn serve(&self, data: &Path, environment: &[(&str, &str)]) -> (Process, String) {
        let data = data.to_str().unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--whatsapp", &self.ws_url];
        let (server, [url]) = Process::start("interflow-lab", &arguments, environment, ["URL"]);
        (server, url)
    }

    /// How many sockets of a process lead to it.
    pub fn sockets_of(&self, process: u32) -> usize {
        let port = self.ws_url.rsplit(':').next().unwrap().split('/').next().unwrap();
        let port = format!(":{:04X}", port.parse::<u16>().unwrap());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let inode = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.get(2)?.ends_with(&port).then(|| format!("socket:[{}]", fields[9]))
        };
        let inodes: Vec<_> = table.lines().filter_map(inode).collect();
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
        let targets = open.filter_map(|file| std::fs::read_link(file.path()).ok());
        targets.filter(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str())).count()
    }
}

/// A network and a server against it, which can die apart.
pub struct Lab {
    pub api: Api,
    pub phones: Phones,
    pub server: Process,
    pub data: TempDir,
    pub network: NetworkProcess,
}

impl Lab {
    /// Starts both, with an empty data directory.
    pub fn start() -> Self {
        let network = NetworkProcess::start();
        let data = tempfile::tempdir().unwrap();
        let (server, url) = network.serve(data.path(), &[]);
        let phones = network.phones.clone();
        let api = Api { http: reqwest::Client::new(), url, key: Some(KEY.to_owned()) };
        Self { api, phones, server, data, network }
    }

    /// Starts the server again, on the same data.
    pub fn restart(&mut self) {
        self.restart_with(&[]);
    }

    /// The same, in another environment.
    pub fn restart_with(&mut self, environment: &[(&str, &str)]) {
        let (server, url) = self.network.serve(self.data.path(), environment);
        self.server = server;
        self.api.url = url;
    }

    /// The process id of the server's embedded Postgres.
    pub fn postmaster(&self) -> u32 {
        let file =
            find(self.data.path(), "postmaster.pid").expect("no Postgres runs under the data directory");
        std::fs::read_to_string(file).unwrap().lines().next().unwrap().trim().parse().unwrap()
    }

    /// Connects a channel and scans its QR.
    pub async fn pair(&self, name: &str, phone: &str) {
        self.phones.pair(&self.api, name, phone).await;
    }

    /// Waits until a channel's connection is as wanted.
    pub async fn until_status(&self, name: &str, wanted: &str) {
        self.api.until_status(name, wanted).await;
    }
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { (entry.file_name() == name).then_some(path) }
    })
}
