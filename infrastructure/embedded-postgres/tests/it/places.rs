use std::fs;

use interflow_embedded_postgres::{EmbeddedPostgres, Error};

use crate::support::*;

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_one_elsewhere_that_goes_with_the_server() {
    let room = room();
    let data_dir = room.path().join("long".repeat(30));
    let server = start(&data_dir).await;
    let socket_dir = server.connection().socket_dir.clone();
    assert!(
        socket_dir.starts_with("/tmp") && !socket_dir.starts_with(room.path()),
        "{}",
        socket_dir.display()
    );
    run(server.connection(), KEEP).await;
    let attached = EmbeddedPostgres::attach(&data_dir).await.unwrap();
    assert_eq!(ask(&attached, KEPT).await, "the message");
    server.stop().await;
    assert!(!socket_dir.exists());
}

#[tokio::test]
async fn odd_names_are_no_trouble() {
    for name in ["with space", "it's \"quoted\"", "ümlaut & co", "a,comma", "$HOME;%d"] {
        let room = room();
        let server = start(&room.path().join(name)).await;
        assert_eq!(ask(server.connection(), "SELECT 'fine'").await, "fine", "{name}");
    }
}

#[tokio::test]
async fn a_relative_data_directory_is_the_same_directory() {
    // Tests share their working directory: reach into a room from there.
    let room = room();
    let here = std::env::current_dir().unwrap();
    let up = here.components().skip(1).map(|_| "../").collect::<String>();
    let relative = format!("{up}{}", room.path().join("data").strip_prefix("/").unwrap().display());
    let server = start(relative.as_ref()).await;
    assert!(server.connection().socket_dir.is_absolute());
    run(server.connection(), KEEP).await;
}

#[tokio::test]
async fn the_database_may_lie_on_another_disk_behind_a_link() {
    let (room, disk) = (room(), room());
    std::os::unix::fs::symlink(disk.path(), room.path().join("postgres")).unwrap();
    let server = start(room.path()).await;
    assert!(disk.path().join("cluster/PG_VERSION").exists());
    drop(server);
}

#[tokio::test]
async fn data_of_another_major_version_is_left_alone_with_advice() {
    let room = room();
    start(room.path()).await.stop().await;
    let version = room.path().join("postgres/cluster/PG_VERSION");
    fs::write(&version, "8\n").unwrap();
    let error = EmbeddedPostgres::start(config(room.path())).await.unwrap_err();
    assert!(matches!(&error, Error::WrongVersion { wanted, .. } if wanted == "8"), "{error}");
    for step in ["apt-get install postgresql-8", "pg_upgrade", "Nothing was changed"] {
        assert!(error.to_string().contains(step), "{error}");
    }
    assert_eq!(fs::read_to_string(version).unwrap(), "8\n");
}

#[tokio::test]
async fn a_directory_with_other_files_is_not_taken_over() {
    let room = room();
    let cluster = room.path().join("postgres/cluster");
    fs::create_dir_all(&cluster).unwrap();
    fs::write(cluster.join("thesis.txt"), "three years of work").unwrap();
    let error = EmbeddedPostgres::start(config(room.path())).await.unwrap_err();
    assert!(matches!(error, Error::NotACluster { .. }), "{error}");
    assert!(cluster.join("thesis.txt").exists());
}

#[tokio::test]
async fn a_named_directory_without_postgres_is_refused() {
    let room = room();
    let mut config = config(room.path().join("data"));
    config.bin_dir = Some(room.path().to_owned());
    let error = EmbeddedPostgres::start(config).await.unwrap_err();
    assert!(matches!(error, Error::BinDir { .. }) && error.to_string().contains("PG_BIN_DIR"), "{error}");
}
