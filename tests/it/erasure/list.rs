//! A backup from before an erasure is restored: what starts on it forgets again.

use std::path::Path;

use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use super::{programs, run};
use crate::faults::servers::{MASTER, start};
use crate::support::database::Database;
use crate::support::lab::built;

fn url(options: &PgConnectOptions) -> String {
    let (socket, database) = (options.get_socket().unwrap(), options.get_database().unwrap());
    format!("postgres:///{database}?host={}&user={}", socket.display(), options.get_username())
}

async fn bin(options: &PgConnectOptions) -> std::path::PathBuf {
    let mut connection = PgConnection::connect_with(options).await.unwrap();
    let process: i32 =
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut connection).await.unwrap();
    programs(process.unsigned_abs())
}

async fn restored(dump: &Path, bin: &Path) -> String {
    let options = Database::empty_options(None).await;
    let url = url(&options);
    run(&bin.join("psql"), &["-q", "-v", "ON_ERROR_STOP=1", "-f", dump.to_str().unwrap(), &url], &[]);
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_forgets_whoever_was_erased_since() {
    let data = tempfile::tempdir().unwrap();
    let options = Database::empty_options(None).await;
    let (mut server, api) = start(data.path(), Some(&url(&options)), &[]);
    let mut made = vec![];
    for number in 0..3 {
        let draft = json!({"name": format!("Wombatine {number}"), "phone": format!("551197625340{number}")});
        made.push(api.post("/v1/customers", draft).await.header("location").to_owned());
    }
    let bin = bin(&options).await;
    // One that the backup knows to be erased, one that is erased since, and one that stays.
    let first = api.post(&format!("{}/erase", made[0]), json!({})).await.expect(200);
    let dump = data.path().join("backup.sql");
    run(&bin.join("pg_dump"), &["-f", dump.to_str().unwrap(), &url(&options)], &[]);
    let erased = api.post(&format!("{}/erase", made[1]), json!({"reason": "ticket:4711"})).await.expect(200);
    server.terminate();
    let list = std::fs::read_to_string(data.path().join("erasures.jsonl")).unwrap();
    assert_eq!(list.lines().count(), 2, "{list}");
    for made in &made[..2] {
        assert!(list.contains(made.rsplit('/').next().unwrap()), "{list}");
    }
    assert!(!list.contains("Wombatine") && !list.contains("5511976"), "{list}");

    let again = restored(&dump, &bin).await;
    let (mut server, api) = start(data.path(), Some(&again), &[]);
    api.get(&made[1]).await.refused(404, "NOT_FOUND");
    let certificate = api.post(&format!("{}/erase", made[1]), json!({})).await.expect(200);
    assert_eq!(certificate["data"]["reason"], erased["data"]["reason"], "erased before anybody asked");
    assert_eq!(api.post(&format!("{}/erase", made[0]), json!({})).await.expect(200), first);
    assert_eq!(api.get(&made[2]).await.expect(200)["data"]["name"], "Wombatine 2");
    server.terminate();
    let dumped = run(&bin.join("pg_dump"), &[&again], &[]);
    assert!(!dumped.contains("Wombatine 1") && dumped.contains("Wombatine 2"));

    // The same by hand, without a server; with an empty list, the database's own erasures are put on it.
    let by_hand = restored(&dump, &bin).await;
    let environment = [("INTERFLOW_MASTER_KEY", MASTER), ("DATABASE_URL", &*by_hand)];
    let list = data.path().join("erasures.jsonl");
    let elsewhere = tempfile::tempdir().unwrap();
    let directory = ["--data-dir", elsewhere.path().to_str().unwrap()];
    let apply = |list: &Path| {
        let arguments =
            [&["erasures", "apply", "--erasure-list", list.to_str().unwrap()], &directory[..]].concat();
        run(&built("interflow"), &arguments, &environment)
    };
    assert!(apply(&list).contains("1 customers on the list were not erased"));
    assert!(apply(&list).contains("0 customers on the list were not erased"));
    let new = elsewhere.path().join("new.jsonl");
    assert!(apply(&new).contains("2 customers that were erased in this database are now on the list"));
    assert_eq!(std::fs::read_to_string(new).unwrap().lines().count(), 2);
}
