//! `interflow audit replay`.

use std::fs::{File, rename};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use interflow_application::past::{AsOf, Point};
use interflow_domain::WorkspaceId;

use crate::cli::meter::{Meter, span};
use crate::cli::projections::{told, workspace_from};
use crate::cli::{Outcome, say};
use crate::compose::Tools;
use crate::compose::projections::{Difference, Export, ReplayOrder, Replayed};
use crate::config::Settings;

/// The command's arguments, and where it works.
#[derive(Debug, Args)]
pub struct Ask {
    #[command(flatten)]
    pub(super) replay: Replay,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// What to replay, and to where.
#[derive(Debug, Args)]
pub struct Replay {
    /// Whose log: the workspace's id or its short name
    #[arg(long, value_name = "ID", value_parser = workspace_from)]
    workspace: WorkspaceId,
    /// As of when: a position of the log, or a time of RFC 3339. Up to the last event, and compared with the rows that serve,
    /// when left out
    #[arg(long, value_name = "TIME|POSITION", value_parser = moment_from)]
    until: Option<AsOf>,
    /// The database to make the rows in, as a URL like DATABASE_URL. Its schema is made or brought up to date; what an earlier
    /// replay of the workspace has left there is replaced. It must have no log of the workspace. Rows are in clear: the
    /// database is as private as the server's own, and no erasure reaches it
    #[arg(long, value_name = "DATABASE_URL", conflicts_with = "json")]
    into: Option<String>,
    /// A file to write the rows to, one a line of JSON, by table and id: the same bytes for the same moment. It is there once it
    /// is whole
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn moment_from(text: &str) -> Result<AsOf, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(AsOf::Position).map_err(|_| "no log is so long".to_owned());
    }
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| AsOf::Time(time.to_utc())).map_err(|_| {
        "must be a position of the log or a time of RFC 3339, for example 42 or 2026-01-31T12:00:00Z"
            .to_owned()
    })
}

/// Replays, and says what came of it.
pub(super) async fn run(tools: &Tools, order: &Replay) -> Outcome {
    let workspace = order.workspace;
    let until = match order.until {
        Some(as_of) => {
            let found = as_of.find(&tools.past, &*tools.core.clock, workspace).await?;
            Some(found.map_err(|why| format!("--until {why}"))?)
        }
        None => None,
    };
    let elsewhere = match &order.into {
        Some(url) => Some(tools.elsewhere(url).await?),
        None => None,
    };
    let mut file = order.json.as_deref().map(JsonFile::new);
    let mut meter = Meter::new(format!("replaying {workspace}"), "event");
    let mut differing = |difference: Difference| say(&told(workspace, &difference, false));
    let wanted = ReplayOrder {
        workspace,
        until: until.map(|point| point.position),
        into: elsewhere.as_ref(),
        export: file.as_mut().map(|file| file as &mut dyn Export),
    };
    let replayed =
        tools.projections.replay(wanted, &mut |at| meter.show(at.position, at.head), &mut differing).await;
    let took = meter.end();
    let replayed = replayed?;
    if let Some(file) = file {
        file.keep()?;
    }
    say(&summary(workspace, until, &replayed, &span(took)));
    match replayed.differences {
        None | Some(0) => Ok(()),
        Some(rows) => Err(format!(
            "{rows} rows of the read models differ from what the log amounts to: run `interflow projections rebuild`"
        )
        .into()),
    }
}

fn summary(workspace: WorkspaceId, until: Option<Point>, replayed: &Replayed, took: &str) -> String {
    let time = until.and_then(|point| point.recorded_at);
    let time = time.map(|time| format!(", recorded {}", time.to_rfc3339_opts(SecondsFormat::Millis, true)));
    let rows: u64 = replayed.tables.iter().map(|(_, rows)| rows).sum();
    let mut text = format!(
        "workspace {workspace}: {rows} rows as of event {}{} ({took})",
        replayed.position,
        time.unwrap_or_default()
    );
    for (table, rows) in &replayed.tables {
        text.push_str(&format!("\n  {table:<14}{rows:>12}"));
    }
    text.push_str(&format!("\n  SHA-256 {}", replayed.sha256));
    text.push_str(&match replayed.differences {
        Some(differing) => format!("\n  {differing} differ from the rows that serve"),
        None => "\n  not compared with the rows that serve: they are of a later moment".to_owned(),
    });
    text
}

/// A file that bears its name once it is whole.
struct JsonFile {
    path: PathBuf,
    unfinished: PathBuf,
    writer: Option<BufWriter<File>>,
}

impl JsonFile {
    fn new(path: &Path) -> Self {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        Self { path: path.to_owned(), unfinished: unfinished.into(), writer: None }
    }

    fn keep(self) -> io::Result<()> {
        let Some(writer) = self.writer else { return Ok(()) };
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        rename(&self.unfinished, &self.path)
    }
}

impl Export for JsonFile {
    fn begin(&mut self) -> io::Result<()> {
        let mut file = match self.writer.take() {
            Some(writer) => writer.into_inner().map_err(io::IntoInnerError::into_error)?,
            None => File::create(&self.unfinished)?,
        };
        file.set_len(0)?;
        file.rewind()?;
        self.writer = Some(BufWriter::new(file));
        Ok(())
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let writer = self.writer.as_mut().ok_or_else(|| io::Error::other("the file was not begun"))?;
        writeln!(writer, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn a_moment_is_a_position_or_a_time() {
        assert_eq!(moment_from("42"), Ok(AsOf::Position(42)));
        let noon = DateTime::from_str("2026-01-01T12:00:00Z").unwrap();
        assert_eq!(moment_from("2026-01-01T14:00:00+02:00"), Ok(AsOf::Time(noon)));
        for text in ["", "now", "-1", "2026-01-01", "99999999999999999999"] {
            assert!(moment_from(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_is_begun_again_from_nothing_and_named_in_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.jsonl");
        let mut file = JsonFile::new(&path);
        file.begin().unwrap();
        file.line("a line that is longer than what comes").unwrap();
        file.begin().unwrap();
        file.line("one").unwrap();
        assert!(!path.exists());
        file.keep().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
