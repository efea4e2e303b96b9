//! Pages that are run: their blocks of code, and the programs that take them.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::say;

/// The blocks of a page that are of a language, in order.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut open) = (vec![], None::<(bool, String)>);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(named)) => open = Some((named == language, String::new())),
            (Some(_), Some(_)) => {
                blocks.extend(open.take().filter(|(wanted, _)| *wanted).map(|(_, text)| text))
            }
            (Some((_, text)), None) => *text = format!("{text}{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// Whether a program is there and runs with these arguments. Says so when not.
pub async fn is_there(program: &str, arguments: &[&str]) -> bool {
    let tried = Command::new(program).args(arguments).stdin(Stdio::null()).output().await;
    let there = tried.is_ok_and(|output| output.status.success());
    if !there {
        say(&format!("SKIPPED: {program} {} does not run here", arguments.join(" ")));
    }
    there
}

/// Runs a program to its end, which must be a good one; gives what it printed.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let run = tokio::time::timeout(Duration::from_secs(60), command.output()).await;
    let Output { status, stdout, stderr } = run.expect("it takes too long").unwrap();
    let (printed, told) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{program}: {status}\n{printed}\n{told}");
    printed
}
