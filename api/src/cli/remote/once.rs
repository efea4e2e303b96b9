//! Commands that must not happen twice carry an idempotency key.

use clap::Args;

/// What makes a repetition harmless.
#[derive(Debug, Args)]
pub struct Once {
    /// Repeated with the same key within 24 hours, the command has the same answer and happens once [default: a new
    /// key, which is told when no answer comes]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Once {
    /// The key that was given, or a new one.
    #[must_use]
    pub fn key(self) -> String {
        self.idempotency_key.unwrap_or_else(|| format!("cli-{:032x}", rand::random::<u128>()))
    }
}
