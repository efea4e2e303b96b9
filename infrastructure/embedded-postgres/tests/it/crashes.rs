use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use interflow_embedded_postgres::{EmbeddedPostgres, Error, Health};

use crate::helper::Helper;
use crate::support::*;

#[tokio::test]
async fn a_killed_server_is_started_again_while_interflow_runs() {
    let room = room();
    let server = start(room.path()).await;
    run(server.connection(), KEEP).await;
    let mut health = server.health();
    let first = postmaster(room.path());
    kill_9(first);
    health.wait_for(|health| matches!(health, Health::Restarting { .. })).await.unwrap();
    health.wait_for(|health| *health == Health::Ready).await.unwrap();
    assert_ne!(postmaster(room.path()), first);
    assert_eq!(ask(server.connection(), KEPT).await, "the message");
}

#[tokio::test]
async fn a_killed_interflow_takes_its_server_along_and_the_next_goes_on() {
    let room = room();
    let mut helper = Helper::spawn(room.path());
    let pid = helper.answer().unwrap();
    helper.kill();
    let server = start(room.path()).await;
    assert!(!runs(pid), "the server of the killed one is gone");
    assert_eq!(ask(server.connection(), KEPT).await, "the message");
}

#[tokio::test]
async fn both_killed_the_next_start_recovers() {
    for server_first in [true, false] {
        let room = room();
        let mut helper = Helper::spawn(room.path());
        let pid = helper.answer().unwrap();
        if server_first {
            kill_9(pid);
            helper.kill();
        } else {
            helper.kill();
            kill_9(pid);
        }
        let server = start(room.path()).await;
        assert_eq!(ask(server.connection(), KEPT).await, "the message");
    }
}

#[tokio::test]
async fn nothing_runs_on_when_interflow_was_killed_and_not_started_again() {
    let room = room();
    let mut helper = Helper::spawn(room.path());
    let pid = helper.answer().unwrap();
    helper.kill();
    until("the end of the server", || !runs(pid));
    let gone = EmbeddedPostgres::attach(room.path()).await.unwrap_err();
    assert!(matches!(gone, Error::NotRunning { .. }), "{gone}");
}

#[tokio::test]
async fn an_interflow_killed_while_it_makes_the_cluster_does_no_harm() {
    let room = room();
    let home = room.path().join("postgres");
    let unfinished = || -> Option<PathBuf> {
        let entries = fs::read_dir(&home).ok()?.filter_map(Result::ok);
        entries.map(|entry| entry.path()).find(|path| path.join("PG_VERSION").exists())
    };
    let mut helper = Helper::spawn(room.path());
    until("the making of the cluster", || unfinished().is_some());
    helper.kill();
    assert!(!home.join("cluster").exists(), "it was killed in the middle");
    let left = unfinished().unwrap();
    let server = start(room.path()).await;
    assert!(!left.exists());
    run(server.connection(), KEEP).await;
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_is_stale() {
    let room = room();
    start(room.path()).await.stop().await;
    let mut stranger = as_the_owner(room.path(), Command::new("sleep").arg("60"));
    let file = room.path().join("postgres/cluster/postmaster.pid");
    fs::write(&file, format!("{}\n/elsewhere\n1\n5432\n/elsewhere\n", stranger.id())).unwrap();
    let server = start(room.path()).await;
    assert_ne!(postmaster(room.path()), stranger.id());
    assert!(stranger.try_wait().unwrap().is_none(), "nobody harmed it");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    drop(server);
}

#[tokio::test]
async fn a_server_that_somebody_started_by_hand_is_left_alone() {
    let room = room();
    let ours = start(room.path()).await;
    let postgres = fs::read(format!("/proc/{}/cmdline", postmaster(room.path()))).unwrap();
    ours.stop().await;
    let program = String::from_utf8(postgres.split(|byte| *byte == 0).next().unwrap().to_vec()).unwrap();
    let cluster = room.path().join("postgres/cluster");
    let mut by_hand = Command::new(program);
    by_hand.arg("-D").arg(&cluster).arg("-k").arg(&cluster).args(["-c", "listen_addresses="]);
    let mut theirs = as_the_owner(room.path(), by_hand.current_dir("/").stderr(Stdio::null()));
    until("the start by hand", || cluster.join("postmaster.pid").exists());
    let error = EmbeddedPostgres::start(config(room.path())).await.unwrap_err();
    assert!(matches!(error, Error::ForeignServer { pid, .. } if pid == theirs.id()), "{error}");
    assert!(theirs.try_wait().unwrap().is_none());
    let pid = rustix::process::Pid::from_raw(theirs.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    theirs.wait().unwrap();
    start(room.path()).await;
}

fn as_the_owner(data_dir: &Path, command: &mut Command) -> Child {
    let owner = fs::metadata(data_dir.join("postgres/cluster")).unwrap();
    if is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.spawn().unwrap()
}
