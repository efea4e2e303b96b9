//! The thread that owns the server: it starts it, watches it, starts it again when it dies, and stops it. It lives
//! exactly as long as the server may, because the kernel ties the server to the thread that spawned it.

use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::embedded::{Health, Started};
use crate::server::Server;
use crate::{Config, Error};

/// An order to stop, answered when the server is gone and the lock is free.
pub(crate) struct Stop(pub(crate) oneshot::Sender<()>);

/// A server that dies this often without a healthy minute between is given up.
const ATTEMPTS: u32 = 5;
const HEALTHY: Duration = Duration::from_secs(60);

pub(crate) fn run(
    config: Config,
    started: oneshot::Sender<Result<Started, Error>>,
    orders: Receiver<Stop>,
    health: watch::Sender<Health>,
) {
    let mut orders = Orders { receiver: orders, stop: None };
    let mut server = match Server::prepare(config) {
        Ok(server) => server,
        Err(error) => return drop(started.send(Err(error))),
    };
    let child = match server.launch(&mut orders) {
        Ok(child) => child,
        Err(error) => {
            drop(server);
            return drop(started.send(Err(error)));
        }
    };
    let news = Started {
        connection: server.info.clone(),
        version: server.installation.version.clone(),
        log_file: server.log.path().to_owned(),
    };
    let log = &news.log_file.display();
    tracing::info!(pid = child.id(), postgres = news.version, %log, "the embedded PostgreSQL is ready");
    // Whoever asked may be gone; then the orders are, too, and the watch below ends at once.
    let _ = started.send(Ok(news));
    watch(&mut server, child, &mut orders, &health);
    drop(server);
    health.send_if_modified(|health| {
        let ended = !matches!(health, Health::Failed { .. });
        if ended {
            *health = Health::Stopped;
        }
        ended
    });
    if let Some(Stop(done)) = orders.stop {
        let _ = done.send(());
    }
}

/// Returns when the server was stopped, or given up.
fn watch(server: &mut Server, mut child: Child, orders: &mut Orders, health: &watch::Sender<Health>) {
    let (mut attempts, mut since, mut ticks) = (0, Instant::now(), 0_u32);
    loop {
        if orders.stop_within(Duration::from_millis(200)) {
            return server.end(&mut child);
        }
        ticks = ticks.wrapping_add(1);
        if ticks.is_multiple_of(50)
            && let Err(error) = server.log.rotate()
        {
            tracing::warn!(%error, "the server's log could not be rotated");
        }
        let status = match child.try_wait() {
            Ok(None) => continue,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if since.elapsed() > HEALTHY {
            attempts = 0;
        }
        let mut why = format!("it ended by itself ({status})");
        child = loop {
            attempts += 1;
            if attempts > ATTEMPTS {
                tracing::error!(why, "the embedded PostgreSQL keeps dying and is given up");
                health.send_replace(Health::Failed { why });
                return;
            }
            tracing::error!(why, attempts, "the embedded PostgreSQL is gone; starting it again");
            health.send_replace(Health::Restarting { why: why.clone() });
            // At once the first time, then ever later.
            if attempts > 1 && orders.stop_within(Duration::from_millis(250 << attempts)) {
                return;
            }
            match server.launch(orders) {
                Ok(child) => break child,
                Err(Error::Abandoned) => return,
                Err(error) => why = error.to_string(),
            }
        };
        since = Instant::now();
        tracing::info!(pid = child.id(), "the embedded PostgreSQL is ready again");
        health.send_replace(Health::Ready);
    }
}

/// What the handle asks for.
pub(crate) struct Orders {
    receiver: Receiver<Stop>,
    stop: Option<Stop>,
}

impl Orders {
    /// Waits for an order to stop. A caller that went away without one wants no server either.
    pub(crate) fn stop_within(&mut self, time: Duration) -> bool {
        match self.receiver.recv_timeout(time) {
            Ok(stop) => self.stop = Some(stop),
            Err(RecvTimeoutError::Timeout) => return self.stop.is_some(),
            Err(RecvTimeoutError::Disconnected) => {}
        }
        true
    }

    pub(crate) fn stop_now(&mut self) -> bool {
        self.stop_within(Duration::ZERO)
    }
}
