//! `kill -9` of Postgres at every step of an append, while the server goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use interflow_infrastructure::database::{self, Options};
use interflow_infrastructure::event_log::{Settings, Step};

use super::load::{Load, process};
use super::trap::Trap;
use crate::support::lab::signal;

/// The process id of the Postgres in this directory.
fn postmaster(directory: &Path) -> u32 {
    let file = find(directory, "postmaster.pid").unwrap();
    fs::read_to_string(file).unwrap().lines().next().unwrap().trim().parse().unwrap()
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { (entry.file_name() == name).then_some(path) }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_is_killed_at_any_step_of_an_append_loses_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path());
    // It survives the death of Postgres, not that of the machine.
    config.settings.push(("fsync".into(), "off".into()));
    let postgres = EmbeddedPostgres::start(config).await.unwrap();
    let mut options = Options::parse(&postgres.connection().url()).unwrap();
    options.max_connections = 10;
    let pool = database::connect(options).await.unwrap();
    database::migrate(&pool).await.unwrap();
    for (round, step) in (0..).zip(Step::ALL) {
        let place = directory.path().to_owned();
        let trap = Trap::at(step, 5, move || {
            signal("KILL", postmaster(&place));
            // Long enough for it to be dead when the append goes on.
            tokio::time::sleep(Duration::from_millis(50))
        });
        let load = Load::of(round);
        let (trapped, other) = (process(&pool, trap.settings()), process(&pool, Settings::default()));
        let told = load.run(&[trapped, other]).await;
        assert!(trap.sprung(), "nothing was killed at {step:?}");
        load.check(&pool, &told).await;
    }
    pool.close().await;
    postgres.stop().await;
}
