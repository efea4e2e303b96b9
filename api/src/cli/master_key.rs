//! `interflow master-key rotate`.

use clap::{Args, Subcommand};

use super::meter::Meter;
use super::{Outcome, say};
use crate::compose;
use crate::config::{Config, Secret, Settings};

/// What to do with the master key.
#[derive(Debug, Subcommand)]
pub enum MasterKeyCommand {
    /// Give the database to a new master key; the old one opens nothing any more. All servers must be stopped. Run again
    /// after a crash, it goes on
    Rotate(Rotate),
}

/// Where, and to which key.
#[derive(Debug, Args)]
pub struct Rotate {
    #[command(flatten)]
    settings: Settings,
    /// The new master key; a random one when none is given and the present one is in the data directory
    #[arg(long, env = "INTERFLOW_NEW_MASTER_KEY", value_name = "KEY", hide_env_values = true)]
    new_master_key: Option<Secret>,
}

impl MasterKeyCommand {
    /// The settings, and the new key.
    #[must_use]
    pub fn apart(self) -> (Settings, Option<Secret>) {
        let Self::Rotate(Rotate { settings, new_master_key }) = self;
        (settings, new_master_key.filter(|key| !key.is_empty()))
    }
}

/// Does it, and says what came of it.
pub async fn rotate_master_key(config: &Config, new: Option<Secret>) -> Outcome {
    let mut meter: Option<(&str, Meter)> = None;
    let mut tell = |what: &'static str, done, all| {
        if meter.as_ref().is_none_or(|(known, _)| *known != what) {
            meter = Some((what, Meter::new("sealing anew".to_owned(), what)));
        }
        if let Some((_, meter)) = &mut meter {
            meter.show(done, all);
        }
    };
    let rotated = compose::rotate_master_key(config, new.as_ref().map(Secret::expose), &mut tell).await;
    if let Some((_, meter)) = meter {
        meter.end();
    }
    say(if rotated? {
        "The database is the new master key's, which is in master.key of the data directory now. Keep a copy apart from \
         the database, and give it to other servers of this database as INTERFLOW_MASTER_KEY. Run `interflow erasures \
         purge` to clear the database's files of what the old key opens, and make new backups: old ones still need it."
    } else {
        "The database is the new master key's. Start its servers with it in INTERFLOW_MASTER_KEY. Run `interflow erasures \
         purge` to clear the database's files of what the old key opens, and make new backups: old ones still need it."
    });
    Ok(())
}
