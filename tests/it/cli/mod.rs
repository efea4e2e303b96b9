//! The command line against a running server: the real binary, over real HTTP, on the simulated network.

mod bulk;
mod channels;
mod chats;
mod errors;
mod keys;
mod send;
mod shells;
mod webhooks;
mod workspaces;

use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::rest::server::Server;
use crate::support::PATIENCE;
use crate::support::api::Api;
use crate::support::lab::built;

/// Somebody at a terminal of their own, with a server's address and key in the environment.
pub struct Person {
    pub url: String,
    pub key: Option<String>,
    pub home: TempDir,
}

impl Person {
    pub fn of(server: &Server) -> Self {
        Self::with(&server.api)
    }

    pub fn with(api: &Api) -> Self {
        Self { url: api.url.clone(), key: api.key.clone(), home: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built("interflow"));
        let unwanted = ["INTERFLOW_API_KEY_FILE", "INTERFLOW_CONFIG", "INTERFLOW_LISTEN", "XDG_CONFIG_HOME"];
        for name in unwanted {
            command.env_remove(name);
        }
        command.env("HOME", self.home.path()).env("INTERFLOW_URL", &self.url).env("TZ", "UTC");
        match &self.key {
            Some(key) => command.env("INTERFLOW_API_KEY", key),
            None => command.env_remove("INTERFLOW_API_KEY"),
        };
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        ended(self.command(arguments).spawn().unwrap()).await
    }

    /// The same, typed into its standard input.
    pub async fn pipe(&self, arguments: &[&str], typed: &str) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).await.unwrap();
        ended(child).await
    }

    /// What a command that succeeds prints.
    pub async fn told(&self, arguments: &[&str]) -> String {
        self.run(arguments).await.expect(0).out
    }

    /// The objects that a command prints with `--json`, a line each.
    pub async fn data(&self, arguments: &[&str]) -> Vec<Value> {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        objects(&self.told(&arguments).await)
    }

    /// Starts a command that goes on.
    pub fn start(&self, arguments: &[&str]) -> Going {
        let mut child = self.command(arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Going { child, lines }
    }
}

pub fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub complaint: String,
}

impl Said {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.complaint);
        assert!(!self.complaint.contains("panicked"), "{}", self.complaint);
        self
    }

    /// The error, as `--json` has it.
    #[track_caller]
    pub fn error(&self) -> Value {
        let text = self.complaint.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{}", self.complaint));
        told["error"].clone()
    }
}

async fn ended(child: Child) -> Said {
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it does not end").unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        complaint: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that goes on, and its lines as they come.
pub struct Going {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Going {
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("it says nothing").unwrap();
        line.expect("it has ended")
    }

    /// Lines up to one that holds a word.
    pub async fn until(&mut self, word: &str) -> Vec<String> {
        let mut lines = vec![];
        loop {
            lines.push(self.line().await);
            if lines.last().unwrap().contains(word) {
                return lines;
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        crate::support::lab::signal(name, self.child.id().unwrap());
    }

    /// Closes its standard output, as `head` does.
    pub fn close(self) -> Child {
        self.child
    }

    /// The rest of what it says, until it ends by itself.
    pub async fn end(mut self) -> Said {
        let mut out = String::new();
        let rest = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                out.push_str(&line);
                out.push('\n');
            }
        };
        timeout(PATIENCE, rest).await.expect("it does not end");
        let (status, complaint) = waited(self.child).await;
        Said { code: status.code(), out, complaint }
    }
}

/// How a child ends whose standard output is read elsewhere, or by nobody.
pub async fn waited(mut child: Child) -> (ExitStatus, String) {
    let mut complaint = String::new();
    let status = timeout(PATIENCE, async {
        child.stderr.take().unwrap().read_to_string(&mut complaint).await.unwrap();
        child.wait().await.unwrap()
    });
    (status.await.expect("it does not end"), complaint)
}
