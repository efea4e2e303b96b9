//! Writing a bundle: in one snapshot, a batch at a time, so that its length does not matter.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use interflow_application::log::LogError;
use interflow_application::proof::merkle::inclusion;
use interflow_application::proof::tile::{Tiles, needed};
use interflow_application::proof::{Checkpoint, TransparencyLog as _};
use interflow_domain::{EventId, WorkspaceId};
use sqlx::types::Uuid;
use sqlx::{PgConnection, Row as _};

use super::line::{FORM, Header, Line, ValueOpening};
use super::report::Report;
use super::{Selection, select};
use crate::event_log::{Disclosed, Disclosure, Failure, PgEventLog};
use crate::proof::seal::checkpoint_of;
use crate::proof::verify::Watch;
use crate::proof::{PgProofs, tree};

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; SET LOCAL statement_timeout = '5min'; SET LOCAL jit = off";
const LATEST: &str = "SELECT checkpoint FROM audit_logs WHERE workspace_id = $1 AND checkpoint IS NOT NULL";
/// One by one, because of a table that was just made Postgres knows nothing, and would join all of both for each batch.
const NEXT: &str = "SELECT e.position, e.event_id, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version, \
         e.timestamp, e.metadata, e.payload \
     FROM (SELECT position FROM bundled WHERE position > $2 ORDER BY position LIMIT $3) b, \
     LATERAL (SELECT * FROM events e WHERE e.workspace_id = $1 AND e.position = b.position OFFSET 0) e \
     ORDER BY b.position";
const BATCH: i64 = 256;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// The checkpoint that they are proved by.
    pub checkpoint: Checkpoint,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The log, or the database.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody's bundle is written over.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// Nothing was selected.
    #[error(
        "nothing of the log is selected: there is no such chat or customer, or nothing happened in that stretch"
    )]
    Nothing,
}

impl From<Failure> for BundleError {
    fn from(failure: Failure) -> Self {
        Self::Log(failure.into())
    }
}

impl From<sqlx::Error> for BundleError {
    fn from(error: sqlx::Error) -> Self {
        Failure::from(error).into()
    }
}

impl PgProofs {
    /// Writes part of a log into a directory that is empty or not there yet. What is not sealed yet is sealed first.
    /// Nothing is written before it is `noted` that somebody sees so many events.
    pub async fn export(
        &self,
        log: &PgEventLog,
        (workspace, selection): (WorkspaceId, &Selection),
        (directory, made_at): (&Path, DateTime<Utc>),
        noted: impl AsyncFnOnce(u64) -> Result<(), LogError>,
        watch: Watch<'_>,
    ) -> Result<Exported, BundleError> {
        self.seal_up(workspace).await?;
        let keys = self.keys(workspace).await?.iter().map(|key| key.verifier.to_string()).collect();
        let mut transaction = self.pool.begin_with(BEGIN).await?;
        let note: Option<String> =
            sqlx::query_scalar(LATEST).bind(workspace.uuid()).fetch_optional(&mut *transaction).await?;
        let note = note.ok_or(BundleError::Nothing)?;
        let checkpoint = checkpoint_of(&note)?;
        let events = select::select(&mut transaction, workspace, selection, checkpoint.size).await?;
        if events == 0 {
            return Err(BundleError::Nothing);
        }
        noted(events).await?;
        watch(0, events);
        let header = Header {
            interflow_bundle: FORM,
            workspace,
            workspace_uuid: workspace.uuid(),
            made_at,
            selection: selection.clone(),
            events,
            checkpoint: note,
            keys,
        };
        let mut files = Files::create(directory, &header)?;
        let disclosure = log.disclosure();
        let (mut after, mut done) = (0, 0);
        loop {
            let batch = batch(&mut transaction, workspace, after).await?;
            let Some(last) = batch.last() else { break };
            after = last.position;
            done += batch.len() as u64;
            let lines = lines(&mut transaction, (workspace, &checkpoint), &disclosure, &batch).await?;
            files.write(&lines)?;
            watch(done, events);
        }
        files.finish()?;
        transaction.rollback().await?;
        Ok(Exported { events: done, checkpoint })
    }
}

/// An event as it is stored.
struct Stored {
    position: u64,
    event_id: Uuid,
    aggregate_type: String,
    aggregate_id: String,
    sequence: u64,
    event_type: String,
    event_version: String,
    recorded_at: DateTime<Utc>,
    metadata: String,
    payload: String,
}

async fn batch(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    after: u64,
) -> Result<Vec<Stored>, BundleError> {
    let query = sqlx::query(NEXT).bind(workspace.uuid()).bind(after.cast_signed()).bind(BATCH);
    let rows = query.fetch_all(connection).await?;
    let stored = |row: sqlx::postgres::PgRow| {
        Ok(Stored {
            position: row.try_get::<i64, _>(0)?.unsigned_abs(),
            event_id: row.try_get(1)?,
            aggregate_type: row.try_get(2)?,
            aggregate_id: row.try_get(3)?,
            sequence: row.try_get::<i64, _>(4)?.unsigned_abs(),
            event_type: row.try_get(5)?,
            event_version: row.try_get(6)?,
            recorded_at: row.try_get(7)?,
            metadata: row.try_get_unchecked(8)?,
            payload: row.try_get_unchecked(9)?,
        })
    };
    Ok(rows.into_iter().map(stored).collect::<Result<_, sqlx::Error>>()?)
}

async fn lines<'a>(
    connection: &mut PgConnection,
    (workspace, checkpoint): (WorkspaceId, &Checkpoint),
    disclosure: &Disclosure,
    batch: &'a [Stored],
) -> Result<Vec<Line<'a>>, BundleError> {
    let paths: Vec<_> = batch
        .iter()
        .map(|event| inclusion(event.position - 1, checkpoint.size).unwrap_or_default())
        .collect();
    let ids = needed(&paths.concat());
    let tiles: Tiles = tree::read(connection, workspace, ids).await?.into_iter().collect();
    let payloads: Vec<_> =
        batch.iter().map(|event| (EventId::new(event.event_id), event.payload.as_str())).collect();
    let disclosed = disclosure.of(connection, workspace, &payloads).await?;
    let mut lines = Vec::with_capacity(batch.len());
    for ((event, Disclosed { opened, openings }), path) in batch.iter().zip(disclosed).zip(paths) {
        let path: Option<Vec<String>> =
            path.into_iter().map(|range| Some(tiles.hash_of(range)?.to_string())).collect();
        let path =
            path.ok_or_else(|| Failure::Refused("the tree lacks hashes of what was sealed".to_owned()))?;
        let opening = |opening: &crate::event_log::Opening| ValueOpening {
            path: opening.path.clone(),
            key: BASE64.encode(opening.key.expose()),
        };
        lines.push(Line {
            position: event.position,
            event_id: event.event_id,
            aggregate_type: Cow::Borrowed(&event.aggregate_type),
            aggregate_id: Cow::Borrowed(&event.aggregate_id),
            sequence: event.sequence,
            event_type: Cow::Borrowed(&event.event_type),
            event_version: Cow::Borrowed(&event.event_version),
            recorded_at: event.recorded_at,
            recorded_micros: event.recorded_at.timestamp_micros(),
            metadata: Cow::Borrowed(&event.metadata),
            payload: Cow::Borrowed(&event.payload),
            opened,
            openings: openings.iter().map(opening).collect(),
            path,
        });
    }
    Ok(lines)
}

/// The two files of a bundle.
struct Files {
    lines: (PathBuf, BufWriter<File>),
    page: (PathBuf, BufWriter<File>),
    report: Report,
}

impl Files {
    fn create(directory: &Path, header: &Header) -> Result<Self, BundleError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::File { path, source }
        };
        fs::create_dir_all(directory).map_err(failed(directory))?;
        if fs::read_dir(directory).map_err(failed(directory))?.next().is_some() {
            return Err(BundleError::NotEmpty(directory.to_owned()));
        }
        let create = |name: &str| {
            let path = directory.join(name);
            let file = File::create_new(&path).map_err(failed(&path))?;
            Ok::<_, BundleError>((path, BufWriter::new(file)))
        };
        let mut files =
            Self { lines: create("bundle.jsonl")?, page: create("report.html")?, report: Report::default() };
        files.line(header)?;
        let begin = files.report.begin(&mut files.page.1, header);
        begin.map_err(failed(&files.page.0))?;
        Ok(files)
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<(), BundleError> {
        let (path, file) = &mut self.lines;
        let written = serde_json::to_writer(&mut *file, line).map_err(io::Error::from);
        let written = written.and_then(|()| file.write_all(b"\n"));
        written.map_err(|source| BundleError::File { path: path.clone(), source })
    }

    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), BundleError> {
        for line in lines {
            self.line(line)?;
            let (path, page) = &mut self.page;
            let shown = self.report.event(page, line);
            shown.map_err(|source| BundleError::File { path: path.clone(), source })?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), BundleError> {
        let (path, page) = &mut self.page;
        let ended = self.report.end(page);
        ended.map_err(|source| BundleError::File { path: path.clone(), source })?;
        for (path, file) in [self.lines, self.page] {
            let synced =
                file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
            synced.map_err(|source| BundleError::File { path, source })?;
        }
        Ok(())
    }
}
