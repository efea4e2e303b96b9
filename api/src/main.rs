//! The `interflow` program; see [`interflow::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    interflow::cli::main()
}
