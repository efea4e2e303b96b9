//! `interflow completions`: what a shell needs to complete the commands, their options and the values that are known.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::say;

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(super) fn print<C: CommandFactory>(Completions { shell }: Completions) {
    let mut script = vec![];
    generate(shell, &mut C::command(), "interflow", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}
