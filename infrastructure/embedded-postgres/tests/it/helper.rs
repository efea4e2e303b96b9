//! A process that runs a server and can be killed without killing the tests: this very program, asked to run one
//! ignored test. It says `ready <pid>` or `error <text>` on its standard output and lives until its input ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use interflow_embedded_postgres::EmbeddedPostgres;

use crate::support::{KEEP, KEPT, ask, config, kill_9, postmaster, run};

const DATA_DIR: &str = "EMBEDDED_POSTGRES_TEST_DATA_DIR";

/// Not a test: what [`Helper`] runs.
#[tokio::test]
#[ignore = "run by other tests, in a process of its own"]
async fn serve() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else { return };
    let server = match EmbeddedPostgres::start(config(&data_dir)).await {
        Ok(server) => server,
        Err(error) => return println!("\nerror {}", error.to_string().replace('\n', " ")),
    };
    run(server.connection(), KEEP).await;
    assert_eq!(ask(server.connection(), KEPT).await, "the message");
    println!("\nready {}", postmaster(Path::new(&data_dir)));
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    server.stop().await;
}

pub struct Helper {
    process: Child,
}

impl Helper {
    pub fn spawn(data_dir: &Path) -> Self {
        Self::with(Command::new(std::env::current_exe().unwrap()), data_dir)
    }

    /// `program` runs this executable, as another user for example.
    pub fn with(mut program: Command, data_dir: &Path) -> Self {
        let process = program
            .args(["--ignored", "--exact", "--nocapture", "helper::serve"])
            .env(DATA_DIR, data_dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process }
    }

    /// What it says first: the server's process, or why there is none.
    pub fn answer(&mut self) -> Result<u32, String> {
        let output = BufReader::new(self.process.stdout.as_mut().unwrap());
        for line in output.lines().map(Result::unwrap) {
            if let Some(pid) = line.strip_prefix("ready ") {
                return Ok(pid.parse().unwrap());
            }
            if let Some(error) = line.strip_prefix("error ") {
                return Err(error.to_owned());
            }
        }
        Err("it ended without an answer".into())
    }

    pub fn kill(&mut self) {
        kill_9(self.process.id());
        self.process.wait().unwrap();
    }

    /// Lets it stop in order.
    pub fn stop(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
