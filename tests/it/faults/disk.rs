//! A disk that is full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use interflow_application::log::{AppendError, EventLog, LogError};
use interflow_domain::WorkspaceId;
use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::Settings;

use super::load::{Load, fixed, opens, process};
use crate::event_log::fixture::{assigned, empty, new_chat};
use crate::support::{invariants, say};

/// A file system of its own, unmounted when it is dropped.
struct Small(PathBuf);

impl Small {
    /// `None` where this process may not mount.
    fn mount(directory: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=160m,mode=755", "tmpfs"])
            .arg(directory)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then(|| Self(directory.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: whatever still has a file open in it is on its way out.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_loses_nothing_and_with_room_again_all_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let Some(small) = Small::mount(directory.path()) else {
        say("SKIPPED: this process may not mount a small file system");
        return;
    };
    let mut config = Config::new(directory.path().join("data"));
    config.settings.push(("fsync".into(), "off".into()));
    config.settings.push(("max_wal_size".into(), "32MB".into()));
    config.settings.push(("min_wal_size".into(), "32MB".into()));
    let postgres = EmbeddedPostgres::start(config).await.unwrap();
    let options = Options::parse(&postgres.connection().url()).unwrap();
    let pool = database::connect(Options { max_connections: 8, ..options }).await.unwrap();
    database::migrate(&pool).await.unwrap();
    let log = process(&pool, Settings::default());
    let workspace = WorkspaceId::new(fixed(9, 77));
    let mut told = vec![];

    // Everything that is left is somebody else's now; then what is written does not fit.
    let ballast = directory.path().join("ballast");
    let zeros =
        Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", ballast.display())).output();
    assert!(!zeros.unwrap().status.success(), "the disk is not small");
    let many = || {
        let chat = new_chat();
        let append = opens(empty(workspace), chat);
        (0..200).fold(append, |mut append, n| {
            append.streams[0].events.push(assigned(&format!("{n} {}", "x".repeat(100))));
            append
        })
    };
    loop {
        match log.append(many()).await {
            Ok(events) => told.extend(events),
            Err(AppendError::Log(LogError::Unavailable(_))) => break,
            Err(error) => panic!("{error}"),
        }
    }

    fs::remove_file(ballast).unwrap();
    loop {
        match log.append(opens(empty(workspace), new_chat())).await {
            Ok(events) => break told.extend(events),
            // Postgres may have gone down with the disk, and comes again.
            Err(AppendError::Log(LogError::Unavailable(_))) => {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
            Err(error) => panic!("{error}"),
        }
    }
    let load = Load::of(1);
    let more = load.run(&[process(&pool, Settings::default())]).await;
    load.check(&pool, &more).await;
    let census = invariants::hold(&pool, &log).await;
    census.has_once(workspace, &told);
    pool.close().await;
    postgres.stop().await;
    drop(small);
}
