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

/// A process that is killed when it is dropped.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program of this build, and waits for the lines that begin with these words.
    fn start<const N: usize>(program: &str, arguments: &[&str], announced: [&str; N]) -> (Self, [String; N]) {
        let mut command = Command::new(built(program));
        command.args(arguments).env("INTERFLOW_ADMIN_KEY", KEY).env_remove("DATABASE_URL");
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

    /// Ends it as a crash does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        signal("TERM", self.child.id());
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

/// A network and a server against it, which can die apart.
pub struct Lab {
    pub api: Api,
    pub phones: Phones,
    pub server: Process,
    pub data: TempDir,
    ws_url: String,
    _network: Process,
}

impl Lab {
    /// Starts both, with an empty data directory.
    pub fn start() -> Self {
        let anywhere = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
        let arguments: Vec<_> = ["network"].into_iter().chain(anywhere).collect();
        let (network, [ws_url, control]) =
            Process::start("interflow-lab", &arguments, ["clients", "control"]);
        let data = tempfile::tempdir().unwrap();
        let (server, url) = Self::serve(data.path(), &ws_url);
        let http = reqwest::Client::new();
        let phones = Phones { http: http.clone(), url: control };
        let api = Api { http, url, key: Some(KEY.to_owned()) };
        Self { api, phones, server, data, ws_url, _network: network }
    }

    fn serve(data: &Path, ws_url: &str) -> (Process, String) {
        let data = data.to_str().unwrap();
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--whatsapp", ws_url];
        let (server, [url]) = Process::start("interflow-lab", &arguments, ["URL"]);
        (server, url)
    }

    /// Starts the server again, on the same data.
    pub fn restart(&mut self) {
        let (server, url) = Self::serve(self.data.path(), &self.ws_url);
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
