//! What the program says to the person at its terminal. The one place that prints; the log is another channel.

use std::error::Error;

/// Says something on standard output.
#[expect(clippy::print_stdout, reason = "the answer of a command belongs on standard output")]
pub fn say(text: &str) {
    println!("{text}");
}

/// Says on standard error how far something is; without a line's end when the next will be written over it.
#[expect(
    clippy::print_stderr,
    reason = "standard output holds what a command was asked for, and nothing else"
)]
pub(super) fn remark(text: &str, line_end: bool) {
    if line_end {
        eprintln!("{text}");
    } else {
        eprint!("{text}");
    }
}

/// Says on standard error what went wrong, and why.
#[expect(
    clippy::print_stderr,
    reason = "whoever typed the command reads why it failed, whatever the log's filter"
)]
pub fn complain(error: &dyn Error) {
    eprintln!("interflow: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}
