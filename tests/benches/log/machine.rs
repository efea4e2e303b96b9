//! The machine, the server, and the processor time both use, from `/proc`.

use std::fs;
use std::path::{Path, PathBuf};

use interflow_embedded_postgres::{Config, EmbeddedPostgres};
use sqlx::Executor;

/// The clock ticks of `/proc` a second: fixed by Linux's interface, whatever the kernel's own.
const TICKS: f64 = 100.0;

/// Seconds of processor time.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// This process's and that of the programs it ran, Postgres aside.
    pub client: f64,
    pub postgres: f64,
}

impl Cpu {
    pub fn since(self, before: Self) -> Self {
        Self { client: self.client - before.client, postgres: self.postgres - before.postgres }
    }
}

/// A Postgres that keeps what it acknowledges, and what it runs on.
pub struct Machine {
    pub postgres: EmbeddedPostgres,
    /// Where the server's programs are.
    pub programs: PathBuf,
    postmaster: u32,
    directory: tempfile::TempDir,
}

impl Machine {
    pub async fn start(extra: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::new(directory.path());
        for (name, value) in
            [("max_connections", "640"), ("fsync", "on"), ("synchronous_commit", "on")].iter().chain(extra)
        {
            config.settings.push(((*name).to_owned(), (*value).to_owned()));
        }
        let postgres = EmbeddedPostgres::start(config).await.unwrap();
        let file = directory.path().join("postgres/cluster/postmaster.pid");
        let postmaster = fs::read_to_string(file).unwrap().lines().next().unwrap().trim().parse().unwrap();
        let program = fs::read_link(format!("/proc/{postmaster}/exe")).unwrap();
        let programs = program.parent().unwrap().to_owned();
        Self { postgres, programs, postmaster, directory }
    }

    /// A place for files that go with the run.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// One of Postgres's own programs, if it is there: beside the server, or on the path.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|directory| directory.join(name));
        std::iter::once(self.programs.join(name)).chain(on_path).find(|program| program.exists())
    }

    pub fn cpu(&self) -> Cpu {
        let own = Times::of(std::process::id()).unwrap();
        let postmaster = Times::of(self.postmaster).unwrap();
        let backends = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let process = Times::of(entry.file_name().to_str()?.parse().ok()?)?;
            (process.parent == self.postmaster).then_some(process.own)
        });
        Cpu {
            client: own.own + own.children,
            postgres: postmaster.own + postmaster.children + backends.sum::<f64>(),
        }
    }

    /// What the results were measured on.
    pub async fn describe(&self) -> String {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let processors = std::thread::available_parallelism().unwrap();
        format!(
            "{processors} processors ({}), Linux {}, {}, {}",
            model.trim_start_matches([' ', '\t', ':']),
            kernel.trim(),
            self.postgres.version(),
            option_env!("RUSTC_VERSION").unwrap_or("Rust 1.95")
        )
    }

    pub async fn stop(self) {
        self.postgres.stop().await;
    }
}

/// Seconds a process has used, and those that its ended children had.
struct Times {
    parent: u32,
    own: f64,
    children: f64,
}

impl Times {
    fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in brackets, may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let seconds = |index: usize| fields[index].parse::<f64>().unwrap_or(0.0) / TICKS;
        Some(Self {
            parent: fields[1].parse().ok()?,
            own: seconds(11) + seconds(12),
            children: seconds(13) + seconds(14),
        })
    }
}

/// Starts a measurement from a clean page: nothing left over from the one before.
pub async fn settle(pool: &sqlx::PgPool) {
    pool.execute("CHECKPOINT").await.unwrap();
}
