//! The handle that the rest of Interflow holds.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::launch::Door;
use crate::layout::Layout;
use crate::predecessor::{self, PidFile};
use crate::ready::{NotReady, ask_theirs};
use crate::supervisor::{self, Stop};
use crate::{Config, ConnectionInfo, Error};

/// How the server is, for a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// It died and is being started again. Connections were lost; new ones come to the same socket.
    Restarting {
        why: String,
    },
    /// It died too often. Only a new start of Interflow helps.
    Failed {
        why: String,
    },
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) connection: ConnectionInfo,
    pub(crate) version: String,
    pub(crate) log_file: PathBuf,
}

/// A running server. [`stop`](Self::stop) it in order; dropping it stops it as well, and blocks meanwhile. A process
/// that is killed takes it along.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    started: Started,
    health: watch::Receiver<Health>,
    orders: Option<Sender<Stop>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedPostgres {
    /// Returns when the server answers queries from this data directory. Dropping the future abandons the start.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let (started, news) = oneshot::channel();
        let (orders, receiver) = mpsc::channel();
        let (health, health_receiver) = watch::channel(Health::Ready);
        let data_dir = config.data_dir.clone();
        let thread = thread::Builder::new()
            .name("embedded-postgres".into())
            .spawn(move || supervisor::run(config, started, receiver, health))
            .map_err(Error::io("start a thread for", &data_dir))?;
        let started = news.await.unwrap_or(Err(Error::Abandoned))?;
        Ok(Self { started, health: health_receiver, orders: Some(orders), thread: Some(thread) })
    }

    /// The server that another Interflow is running on this data directory, for a command beside it. Waits a few
    /// seconds for one that is starting.
    pub async fn attach(data_dir: impl Into<PathBuf>) -> Result<ConnectionInfo, Error> {
        let data_dir = data_dir.into();
        tokio::task::spawn_blocking(move || attach(&data_dir)).await.unwrap_or(Err(Error::Abandoned))
    }

    pub fn connection(&self) -> &ConnectionInfo {
        &self.started.connection
    }

    /// What `postgres --version` says.
    pub fn version(&self) -> &str {
        &self.started.version
    }

    /// Where the server writes its log.
    pub fn log_file(&self) -> &Path {
        &self.started.log_file
    }

    /// Changes when the server dies, comes back or is given up.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Fast shutdown. Returns when the server has ended and the data directory is free for another.
    pub async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        if self.orders.as_ref().is_some_and(|orders| orders.send(Stop(done)).is_ok()) {
            // An error says that the thread has ended, and the server before it.
            let _ = ended.await;
        }
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        // Without anybody to give orders the thread stops the server and ends.
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn attach(data_dir: &Path) -> Result<ConnectionInfo, Error> {
    let not_running = || Error::NotRunning { data_dir: data_dir.to_owned() };
    let layout = Layout::of(data_dir).map_err(|error| match error.kind() {
        ErrorKind::NotFound => not_running(),
        _ => Error::io("enter", data_dir)(error),
    })?;
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let file =
            PidFile::read(&layout.cluster).map_err(Error::io("read postmaster.pid in", &layout.cluster))?;
        let why = match file {
            None => return Err(not_running()),
            Some(file) if !predecessor::lives(&file, &layout) => return Err(not_running()),
            Some(PidFile { socket_dir: None, .. }) => "it does not listen yet".to_owned(),
            Some(PidFile { socket_dir: Some(dir), .. }) => {
                let dir = if Door::is_one(&dir) { layout.beside() } else { dir };
                let info = ConnectionInfo::new(dir);
                match ask_theirs(&layout, &info) {
                    Ok(()) => return Ok(info),
                    Err(NotReady::Never(error)) => return Err(error),
                    Err(NotReady::Yet(why)) => why,
                }
            }
        };
        if Instant::now() > deadline {
            return Err(Error::NotAnswering { data_dir: data_dir.to_owned(), reason: why });
        }
        thread::sleep(Duration::from_millis(50));
    }
}
