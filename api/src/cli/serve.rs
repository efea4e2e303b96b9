//! `interflow serve`, also for the lab, which brings another engine.

use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Outcome, say};
use crate::compose::{Brought, serve};
use crate::config::Config;

/// Serves until a signal ends it; a second one ends it at once.
pub async fn serve_until_stopped(config: Config, brought: impl Into<Brought>) -> Outcome {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = tokio::select! {
        running = serve(config, brought) => running?,
        () = asked(&mut terminate, &mut interrupt) => return Ok(()),
    };
    say(&running.greeting());
    let failed = tokio::select! {
        () = asked(&mut terminate, &mut interrupt) => None,
        why = running.failed() => Some(why),
    };
    tokio::select! {
        () = running.shutdown() => {}
        () = asked(&mut terminate, &mut interrupt) => process::exit(130),
    }
    failed.map_or(Ok(()), |why| Err(why.into()))
}

async fn asked(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
