//! Forgetting a customer: what is left of it (nothing), what is left of the log (all of it), and what a restored backup
//! is made to forget again.

mod in_flight;
mod list;
mod racing;
mod sessions;
mod traces;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::lab::built;

/// Where the programs of the Postgres are that runs as this process.
fn programs(process: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{process}/exe")).unwrap().parent().unwrap().to_owned()
}

/// Runs a program, which must succeed, and gives what it said.
fn run(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = Command::new(program).args(arguments).envs(environment.iter().copied()).output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program:?} {arguments:?}: {said}{complained}");
    format!("{said}{complained}")
}

/// Runs a command of the server's on its data.
fn interflow(data: &Path, arguments: &[&str]) -> String {
    let arguments = [arguments, &["--data-dir", data.to_str().unwrap()]].concat();
    run(&built("interflow-lab"), &arguments, &[])
}
