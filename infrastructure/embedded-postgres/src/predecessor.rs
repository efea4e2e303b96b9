//! What a killed Interflow left. Its server was sent a signal by the kernel and is on its way out, or, killed too,
//! left a `postmaster.pid` and perhaps backends that have not noticed yet. We hold the lock, so whatever bears our
//! mark is nobody's: it is told to stop, and waited for.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;
use crate::layout::Layout;

/// `postmaster.pid`, as far as we need it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: u32,
    pub(crate) socket_dir: Option<PathBuf>,
}

impl PidFile {
    pub(crate) fn read(cluster: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(cluster.join("postmaster.pid")) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Line 1 is the process, line 5 the socket's directory (there since the server listens). A file cut short by
    /// a crash names nobody.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let socket_dir = lines.nth(3).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Some(Self { pid, socket_dir })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Process {
    Gone,
    /// Started by an Interflow for this very cluster.
    Ours,
    /// A PostgreSQL on this cluster that somebody else started, or one of which we cannot tell.
    Foreign,
    /// The number went to somebody else since.
    Unrelated,
}

/// Ends what still runs on this cluster. Whoever calls holds the lock.
pub(crate) fn clear(layout: &Layout, deadline: Instant) -> Result<(), Error> {
    let file = layout.cluster.join("postmaster.pid");
    let read = || PidFile::read(&layout.cluster).map_err(Error::io("read", &file));
    let Some(PidFile { pid, .. }) = read()? else { return Ok(()) };
    let mark = layout.mark()?;
    let started = Instant::now();
    // Fast shutdown first (the kernel asked for one as well), then an immediate one, then force.
    let mut orders = [
        (Duration::ZERO, Signal::INT),
        (Duration::from_secs(10), Signal::QUIT),
        (Duration::from_secs(15), Signal::KILL),
    ]
    .into_iter()
    .peekable();
    loop {
        match look_at(pid, &mark, &layout.cluster) {
            Process::Foreign => return Err(Error::ForeignServer { cluster: layout.cluster.clone(), pid }),
            Process::Ours if Instant::now() > deadline => return Err(Error::PredecessorStays { pid }),
            Process::Ours => {
                if let Some((_, signal)) = orders.next_if(|(after, _)| started.elapsed() >= *after) {
                    tracing::warn!(pid, ?signal, "stopping the server that a killed Interflow left");
                    // It may have ended meanwhile: the next look tells.
                    let _ = Pid::from_raw(pid.cast_signed()).map(|pid| kill_process(pid, signal));
                }
                sleep(Duration::from_millis(50));
            }
            Process::Gone | Process::Unrelated => break,
        }
    }
    // The server takes a live process of that number for its predecessor, even when it is not. Should backends of
    // the dead one still hold its shared memory, the server finds that out without this file, too.
    if read()?.is_some_and(|left| left.pid == pid) {
        tracing::info!(pid, "removing the pid file of a server that was killed");
        fs::remove_file(&file).map_err(Error::io("remove", &file))?;
    }
    Ok(())
}

/// Whether a live process of ours is behind this file.
pub(crate) fn lives(file: &PidFile, layout: &Layout) -> bool {
    layout.mark().is_ok_and(|mark| look_at(file.pid, &mark, &layout.cluster) == Process::Ours)
}

fn look_at(pid: u32, mark: &str, cluster: &Path) -> Process {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let Ok(command_line) = fs::read(proc.join("cmdline")) else { return Process::Gone };
    // One that ends, or has ended and waits for its parent to notice, has none any more.
    if command_line.is_empty() {
        return Process::Gone;
    }
    let mut arguments = command_line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    if arguments.any(|argument| argument.strip_prefix("cluster_name=") == Some(mark)) {
        return Process::Ours;
    }
    let name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
    if !matches!(name.trim(), "postgres" | "postmaster") {
        return Process::Unrelated;
    }
    // A server works in its data directory. Without the right to see that (root in a container has it not), be
    // careful.
    match fs::read_link(proc.join("cwd")) {
        Ok(cwd) if cwd != cluster => Process::Unrelated,
        _ => Process::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pid_file_is_read_as_far_as_it_was_written() {
        let whole =
            "17\n/data/postgres/cluster\n1795292772\n5432\n/data/postgres/socket\n\n 10117126 4\nready\n";
        let whole = PidFile::parse(whole).unwrap();
        assert_eq!(whole, PidFile { pid: 17, socket_dir: Some("/data/postgres/socket".into()) });
        assert_eq!(PidFile::parse("17\n/data"), Some(PidFile { pid: 17, socket_dir: None }));
        assert_eq!(PidFile::parse(""), None);
    }

    #[test]
    fn a_recycled_process_number_is_told_from_a_server() {
        let us = std::process::id();
        assert_eq!(look_at(us, "interflow-1-2", Path::new("/nowhere")), Process::Unrelated);
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        // Ended and not waited for, it still has a number.
        while look_at(pid, "interflow-1-2", Path::new("/nowhere")) != Process::Gone {
            sleep(Duration::from_millis(5));
        }
        child.wait().unwrap();
    }

    #[test]
    fn a_process_with_our_mark_is_ours() {
        let script = "sleep 30; true";
        let mut child =
            Command::new("sh").args(["-c", script, "sh", "cluster_name=interflow-1-2"]).spawn().unwrap();
        // A process that is just becoming another program has no command line, either.
        while look_at(child.id(), "interflow-1-2", Path::new("/nowhere")) == Process::Gone {
            sleep(Duration::from_millis(5));
        }
        let seen = look_at(child.id(), "interflow-1-2", Path::new("/nowhere"));
        let other = look_at(child.id(), "interflow-1-3", Path::new("/nowhere"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((seen, other), (Process::Ours, Process::Unrelated));
    }
}
