//! What needs no server: help, completions, and a reader that goes away.

use std::process::{Command, Stdio};

use crate::support::lab::built;

#[test]
fn every_shell_is_told_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = Command::new(built("interflow")).args(["completions", shell]).output().unwrap();
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["channels", "connect", "tail", "idempotency-key", "api-key-file", "suspend"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        if shell == "bash" {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), script).unwrap();
            assert!(Command::new("bash").arg("-n").arg(file.path()).status().unwrap().success());
        }
    }
    assert!(
        !Command::new(built("interflow")).args(["completions", "csh"]).output().unwrap().status.success()
    );
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    for arguments in [&["completions", "bash"][..], &["version"], &["--help"]] {
        let mut child = Command::new(built("interflow"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(!String::from_utf8(output.stderr).unwrap().contains("panicked"), "{arguments:?}");
    }
}
