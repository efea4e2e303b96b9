//! What the server writes: straight into a file, so that it can write even when we cannot read, and bounded by
//! copying aside and truncating (the server appends to the descriptor it was given, and keeps it).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const LIMIT: u64 = 8 << 20;

/// The file lies in the data directory and not beside the cluster: root must not append to a file in a directory
/// where the server's user could plant a link.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    limit: u64,
}

impl Log {
    pub(crate) fn in_dir(data_dir: &Path) -> Self {
        Self { path: data_dir.join("postgres.log"), limit: LIMIT }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    /// Where the file ends now: what a server that is started next will write comes after it.
    pub(crate) fn end(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }

    /// The last lines written after `start`, for an error a person can act on.
    pub(crate) fn tail(&self, start: u64) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let end = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(start.min(end).max(end.saturating_sub(8192))))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok(text)
        };
        let text = read().unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Keeps at most two files of the limit. Lines written between the copy and the truncation are lost; a lost
    /// line of a log this long is better than a full disk.
    pub(crate) fn rotate(&self) -> io::Result<()> {
        if self.end() > self.limit {
            fs::copy(&self.path, self.path.with_extension("log.1"))?;
            OpenOptions::new().write(true).open(&self.path)?.set_len(0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_past_its_limit_moves_aside_and_its_writer_writes_on() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log { limit: 10, ..Log::in_dir(dir.path()) };
        let mut writer = log.open().unwrap();
        writeln!(writer, "longer than ten bytes").unwrap();
        log.rotate().unwrap();
        let start = log.end();
        writeln!(writer, "next").unwrap();
        log.rotate().unwrap();
        assert_eq!(start, 0);
        assert_eq!(log.tail(start), "next");
        assert_eq!(fs::read_to_string(dir.path().join("postgres.log.1")).unwrap(), "longer than ten bytes\n");
    }
}
