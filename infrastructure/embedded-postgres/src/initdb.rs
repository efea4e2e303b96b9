//! Makes the cluster, once. A power cut or a kill in the middle must not leave something that looks like a cluster:
//! it is made under another name and renamed when it is whole and on disk.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::Error;
use crate::account::Account;
use crate::binaries::Installation;
use crate::config::USER;
use crate::fork::tie_to_this_thread;
use crate::launch::{Door, descriptors, program};
use crate::layout::{Layout, private_dir, sync_dir};

const UNFINISHED: &str = "cluster.unfinished-";

/// Requires the lock: everything unfinished that is found is a dead predecessor's.
pub(crate) fn ensure_cluster(layout: &Layout, account: &Account, with: &Installation) -> Result<(), Error> {
    remove_unfinished(&layout.home)?;
    if layout.version()?.is_some() {
        return Ok(());
    }
    if fs::read_dir(&layout.cluster).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::NotACluster { path: layout.cluster.clone() });
    }
    tracing::info!(cluster = %layout.cluster.display(), postgres = with.version, "making the database cluster");
    let aside = layout.home.join(format!("{UNFINISHED}{}", std::process::id()));
    private_dir(&aside, account)?;
    run(&aside, account, with)?;
    fs::rename(&aside, &layout.cluster)
        .and_then(|()| sync_dir(&layout.home))
        .map_err(Error::io("move the new cluster to", &layout.cluster))
}

fn run(into: &Path, account: &Account, with: &Installation) -> Result<(), Error> {
    let door = Door::to(into, account).map_err(Error::io("open", into))?;
    let mut initdb = program(&with.initdb(), account);
    initdb.arg("--pgdata").arg(&door.path);
    initdb.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]);
    initdb.args(["--data-checksums", "--no-instructions"]);
    tie_to_this_thread(&mut initdb, Signal::KILL, &descriptors(&[&door]));
    let output = initdb.output().map_err(Error::io("run", &with.initdb()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.contains("could not look up effective user ID") {
        return Err(Error::NamelessUser { uid: rustix::process::geteuid().as_raw() });
    }
    Err(Error::Initdb { output: format!("{said} ({})", output.status) })
}

fn remove_unfinished(home: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(home).map_err(Error::io("list", home))? {
        let entry = entry.map_err(Error::io("list", home))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            tracing::warn!(path = %path.display(), "removing a cluster that was never finished");
            fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}
