//! Root and ordinary users. What needs root says so and passes when there is none.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use interflow_embedded_postgres::{EmbeddedPostgres, Error};
use tempfile::TempDir;

use crate::helper::Helper;
use crate::support::*;

macro_rules! needs_root {
    () => {
        if !is_root() {
            println!("skipped: only root can try this");
            return;
        }
    };
}

#[tokio::test]
async fn under_root_the_server_is_an_unprivileged_users() {
    needs_root!();
    let room = room();
    let server = start(room.path()).await;
    let process = fs::metadata(format!("/proc/{}", postmaster(room.path()))).unwrap();
    assert_ne!(process.uid(), 0);
    let status = fs::read_to_string(format!("/proc/{}/status", postmaster(room.path()))).unwrap();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
    assert!(groups.trim().is_empty(), "no group of root's is left: {groups}");
    let home = fs::metadata(room.path().join("postgres")).unwrap();
    assert_eq!((home.uid(), home.mode() & 0o777), (process.uid(), 0o700));
    let environment = fs::read(format!("/proc/{}/environ", postmaster(room.path()))).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("CARGO"), "nor anything of our environment");
    drop(server);
}

#[tokio::test]
async fn under_a_directory_that_only_root_may_enter_it_works_as_well() {
    needs_root!();
    let room = private_room();
    let data_dir = room.path().join("data");
    fs::create_dir(&data_dir).unwrap();
    fs::set_permissions(&data_dir, Permissions::from_mode(0o700)).unwrap();
    let first = start(&data_dir).await;
    run(first.connection(), KEEP).await;
    let attached = EmbeddedPostgres::attach(&data_dir).await.unwrap();
    assert_eq!(ask(&attached, KEPT).await, "the message");
    kill_9(postmaster(&data_dir));
    let mut health = first.health();
    health.changed().await.unwrap();
    health.wait_for(|health| *health == interflow_embedded_postgres::Health::Ready).await.unwrap();
    assert_eq!(ask(first.connection(), KEPT).await, "the message");
    first.stop().await;
    let mut helper = Helper::spawn(&data_dir);
    helper.answer().unwrap();
    helper.kill();
    assert_eq!(ask(start(&data_dir).await.connection(), KEPT).await, "the message");
    assert_eq!(fs::metadata(&data_dir).unwrap().mode() & 0o777, 0o700, "nobody was let in for it");
}

#[tokio::test]
async fn a_cluster_that_root_restored_from_a_backup_is_given_back_to_its_user() {
    needs_root!();
    let room = room();
    let first = start(room.path()).await;
    run(first.connection(), KEEP).await;
    first.stop().await;
    let home = room.path().join("postgres");
    assert!(Command::new("chown").args(["-R", "0:0"]).arg(&home).status().unwrap().success());
    let second = start(room.path()).await;
    assert_eq!(ask(second.connection(), KEPT).await, "the message");
}

#[tokio::test]
async fn an_ordinary_user_needs_nothing_and_its_killed_server_is_recovered() {
    needs_root!();
    let (room, user) = room_of_another();
    let data_dir = room.path().join("data");
    let mut first = Helper::with(runs_as(&user, &room), &data_dir);
    let pid = first.answer().unwrap();
    let owner = fs::metadata(&data_dir).unwrap();
    assert_eq!(owner.mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), owner.uid());
    first.kill();
    // Then as root: it goes on as the owner of the files.
    let server = start(&data_dir).await;
    assert_eq!(ask(server.connection(), KEPT).await, "the message");
    assert_eq!(fs::metadata(format!("/proc/{}", postmaster(&data_dir))).unwrap().uid(), owner.uid());
}

#[tokio::test]
async fn an_ordinary_user_is_told_whose_directory_it_is() {
    needs_root!();
    let (room, user) = room_of_another();
    let data_dir = room.path().join("data");
    start(&data_dir).await.stop().await;
    chown(data_dir.join("postgres"), Some(4242), None).unwrap();
    let mut helper = Helper::with(runs_as(&user, &room), &data_dir);
    let error = helper.answer().unwrap_err();
    assert!(error.contains("belongs to user id 4242") && error.contains("INTERFLOW_DATA_DIR"), "{error}");
}

#[tokio::test]
async fn a_user_without_a_name_is_told_to_get_one() {
    needs_root!();
    let room = room();
    chown(room.path(), Some(43_210), Some(43_210)).unwrap();
    let nameless = User { uid: 43_210, gid: 43_210 };
    let error = Helper::with(runs_as(&nameless, &room), &room.path().join("data")).answer().unwrap_err();
    assert!(error.contains("/etc/passwd"), "{error}");
}

#[tokio::test]
async fn programs_that_the_servers_user_cannot_reach_are_an_error_with_the_way_out() {
    needs_root!();
    let room = private_room();
    let bin_dir = room.path().join("bin");
    fs::create_dir(&bin_dir).unwrap();
    for name in ["postgres", "initdb"] {
        fs::write(bin_dir.join(name), "#!/bin/sh\n").unwrap();
        fs::set_permissions(bin_dir.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    let mut config = config(room.path().join("data"));
    config.bin_dir = Some(bin_dir);
    let error = EmbeddedPostgres::start(config).await.unwrap_err();
    assert!(
        matches!(&error, Error::BinariesUnreachable { blocked, .. } if blocked == room.path()),
        "{error}"
    );
    assert!(error.to_string().contains("chmod o+x"), "{error}");
}

/// A room where another user may write, and that user.
fn room_of_another() -> (TempDir, User) {
    let room = room();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|user| user[0] == "nobody").unwrap();
    let user = User { uid: user[2].parse().unwrap(), gid: user[3].parse().unwrap() };
    chown(room.path(), Some(user.uid), Some(user.gid)).unwrap();
    (room, user)
}

struct User {
    uid: u32,
    gid: u32,
}

/// Runs a copy of this program: the original may lie where only we may go.
fn runs_as(user: &User, room: &TempDir) -> Command {
    let copy = room.path().join("it");
    // By another process: were it open for writing here, a child that another test forks just now would keep it
    // open, and an open program cannot be run.
    assert!(Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&copy).status().unwrap().success());
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(copy);
    command.uid(user.uid).gid(user.gid).current_dir(room.path());
    command
}
