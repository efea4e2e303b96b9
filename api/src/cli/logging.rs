//! Where the log goes: standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt;

use crate::config::{Config, LogFormat};

/// The log's filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the log filter (INTERFLOW_LOG) is not right")]
pub struct InvalidFilter(#[source] ParseError);

/// Starts the log, unless it was started before.
///
/// Only `tracing` is heard. No `log` logger is installed, and none may be: the WhatsApp library writes numbers to it.
pub fn start_logging(config: &Config) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(&config.log).map_err(InvalidFilter)?;
    let log = fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    let started = match config.log_format {
        LogFormat::Text => tracing::subscriber::set_global_default(log.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(
            log.json().flatten_event(true).with_span_list(false).finish(),
        ),
    };
    if started.is_err() {
        tracing::debug!("the log runs already");
    }
    Ok(())
}
