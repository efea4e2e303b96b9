//! What the program says to the person at its terminal. The one place that prints; the log is another channel.
//!
//! Nobody may be there to hear it: a reader that went away (`| head`) is no reason to panic.

use std::error::Error;
use std::io::{ErrorKind, Write, stderr, stdout};

/// Says something on standard output.
pub fn say(text: &str) {
    match try_say(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            remark(&format!("interflow: standard output cannot be written: {error}"), true);
        }
        _ => {}
    }
}

/// Says something on standard output, at once, and whether somebody still reads it.
pub(super) fn try_say(text: &str) -> std::io::Result<()> {
    let mut output = stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// Says on standard error how far something is; without a line's end when the next will be written over it.
pub(super) fn remark(text: &str, line_end: bool) {
    drop(write!(stderr().lock(), "{text}{}", if line_end { "\n" } else { "" }));
}

/// Says on standard error what went wrong, and why.
pub fn complain(error: &dyn Error) {
    remark(&format!("interflow: {error}"), true);
    let mut source = error.source();
    while let Some(cause) = source {
        remark(&format!("  because: {cause}"), true);
        source = cause.source();
    }
}
