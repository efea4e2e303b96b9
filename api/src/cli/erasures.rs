//! `interflow erasures apply` and `purge`: what an operator does for those who were erased, beside running servers or
//! without one.

use clap::Subcommand;

use super::{Outcome, say};
use crate::compose::Tools;
use crate::compose::erasure::Purged;
use crate::config::{Config, Settings};

/// What to do for those who were erased.
#[derive(Debug, Subcommand)]
pub enum ErasuresCommand {
    /// Erase again whoever is on the erasure list and not erased in this database: after a backup was restored. A server
    /// does it when it starts
    Apply(Settings),
    /// Clear the database's files of what was erased: dead rows, statistics, the write-ahead log. Locks each table that
    /// shows customers while it is written anew
    Purge(Settings),
}

/// A command without its settings.
#[derive(Debug, Clone, Copy)]
pub enum Verb {
    Apply,
    Purge,
}

impl ErasuresCommand {
    /// The settings, and what to do.
    #[must_use]
    pub fn apart(self) -> (Settings, Verb) {
        match self {
            Self::Apply(settings) => (settings, Verb::Apply),
            Self::Purge(settings) => (settings, Verb::Purge),
        }
    }
}

/// Does it, and says what came of it.
pub async fn run_erasures(config: &Config, verb: Verb) -> Outcome {
    let tools = Tools::open(config).await?;
    let done = match verb {
        Verb::Apply => apply(&tools).await,
        Verb::Purge => purge(&tools).await,
    };
    tools.close().await;
    done
}

async fn apply(tools: &Tools) -> Outcome {
    let applied = tools.erasures.apply().await?;
    say(&format!("{} customers on the list were not erased in this database, and are now.", applied.erased));
    if applied.unknown > 0 {
        say(&format!("{} customers on the list were never in this database.", applied.unknown));
    }
    if applied.listed > 0 {
        say(&format!("{} customers that were erased in this database are now on the list.", applied.listed));
    }
    Ok(())
}

async fn purge(tools: &Tools) -> Outcome {
    // Whoever is on the list goes first, or its rows would be written anew.
    tools.erasures.apply().await?;
    let mut failed = 0;
    let mut tell = |Purged { what, took, failed: why }: Purged| match why {
        None => say(&format!("{what:<36} done, {:.1} s", took.as_secs_f64())),
        Some(why) => {
            failed += 1;
            say(&format!("{what:<36} NOT DONE: {why}"));
        }
    };
    tools.erasures.purge(&mut tell).await?;
    if failed > 0 {
        return Err(format!(
            "{failed} steps could not be done: erased data may still be in the database's files"
        )
        .into());
    }
    say(
        "Nothing that was erased is in the database's files any more. Backups and archives of them are yours to see to.",
    );
    Ok(())
}
