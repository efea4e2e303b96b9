//! The only `unsafe` here: what a child does between `fork` and `exec`.
//!
//! A killed Interflow must not leave a server behind, so the child asks the kernel for a signal at its parent's
//! death. The kernel means the *thread* that forked: spawn only from a thread that outlives the child. It also
//! forgets the request when credentials change, and the standard library changes them before it calls us.
#![expect(
    unsafe_code,
    reason = "pre_exec is unsafe; the closure only makes system calls and allocates nothing"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Ties the child to the calling thread and passes the directories in `keep` on to it under the same numbers.
pub(crate) fn tie_to_this_thread(command: &mut Command, at_death: Signal, keep: &[impl AsFd]) {
    let parent = getpid();
    let keep: Vec<_> = keep.iter().map(|fd| fd.as_fd().as_raw_fd()).collect();
    let in_child = move || {
        set_parent_process_death_signal(Some(at_death))?;
        // The parent may have died before the request took effect.
        if getppid() != Some(parent) {
            return Err(io::Error::from(rustix::io::Errno::SRCH));
        }
        for fd in &keep {
            // SAFETY: the caller holds these descriptors open until `spawn` has returned, and the child has
            // inherited them.
            fcntl_setfd(unsafe { BorrowedFd::borrow_raw(*fd) }, FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes system calls: it takes no lock and allocates nothing.
    unsafe { command.pre_exec(in_child) };
}
