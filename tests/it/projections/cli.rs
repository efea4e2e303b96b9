//! `interflow projections`, as an operator runs it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use interflow_application::log::StreamId;
use interflow_infrastructure::projections::Projections;
use serde_json::Value;
use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;

use super::{generations, live, verified, written};
use crate::event_log::fixture::{Build, Fixture, assigned, new_chat};
use crate::support::database::Database;
use crate::support::lab::built;

fn url(options: &PgConnectOptions) -> String {
    format!(
        "postgres:///{}?host={}&user={}",
        options.get_database().unwrap(),
        options.get_socket().unwrap().display(),
        options.get_username()
    )
}

/// A program of this build on the database of a fixture.
fn program(name: &str, fixture: &Fixture, data: &Path) -> Command {
    let mut command = Command::new(built(name));
    command.env("DATABASE_URL", url(&fixture.database.options)).env("INTERFLOW_MASTER_KEY", "17".repeat(32));
    command.env("INTERFLOW_DATA_DIR", data);
    command
}

fn projections(name: &str, fixture: &Fixture, data: &Path, arguments: &[&str]) -> Output {
    program(name, fixture, data).arg("projections").args(arguments).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn projections_are_listed_verified_and_rebuilt_from_the_command_line() {
    let fixture = written().await;
    let (workspace, data) = (fixture.workspace.to_string(), tempfile::tempdir().unwrap());
    let run = |program: &str, arguments: &[&str]| {
        let Output { status, stdout, stderr } = projections(program, &fixture, data.path(), arguments);
        (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    };

    let (done, said, complained) = run("interflow", &["list"]);
    assert!(done, "{complained}");
    assert!(said.contains(&format!("workspace {workspace}: ")) && said.contains("generation 1"), "{said}");
    assert_eq!(said.matches("current").count(), 7, "{said}");

    let (done, said, complained) = run("interflow", &["verify", "--workspace", &workspace]);
    assert!(done && said.contains(" 0 differ"), "{said}{complained}");

    let change = "UPDATE customers SET name = 'Mallory' \
         WHERE id = (SELECT id FROM customers ORDER BY id LIMIT 1) RETURNING id::text";
    let changed: String = sqlx::query_scalar(change).fetch_one(&fixture.pool).await.unwrap();
    fixture.pool.execute("UPDATE generations SET definitions = '{}'").await.unwrap();
    for program in ["interflow", "interflow-lab"] {
        let (done, said, complained) = run(program, &["verify", "--projection", "customers"]);
        assert!(!done && complained.contains("run `interflow projections rebuild`"), "{complained}");
        assert!(said.contains(&format!("customers {changed} differs in name\n")), "{said}");
        assert!(!said.contains("Mallory") && !complained.contains("Mallory"));
    }
    let (done, said, _) = run("interflow", &["verify", "--json"]);
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!done && lines.len() == 2, "{said}");
    assert_eq!((&lines[0]["id"], &lines[0]["columns"][0]), (&changed.clone().into(), &"name".into()));
    assert_eq!((&lines[1]["differences"], &lines[1]["workspace"]), (&1.into(), &workspace.clone().into()));
    let (_, said, _) = run("interflow", &["list", "--projection", "customers", "--json"]);
    let listed: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(listed["projections"][0]["current"], false, "{said}");

    let (done, said, complained) = run("interflow", &["rebuild"]);
    assert!(done, "{complained}");
    assert!(said.starts_with(&format!("workspace {workspace}: generation 2 serves, ")), "{said}");
    let (done, said, _) = run("interflow", &["verify"]);
    assert!(done && said.contains(" 0 differ"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_words() {
    let fixture = Fixture::new().await;
    let data = tempfile::tempdir().unwrap();
    let complaint = |arguments: &[&str]| {
        let output = projections("interflow", &fixture, data.path(), arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(complaint(&["rebuild", "--workspace", "acme"]).contains("there is no workspace"));
    assert!(complaint(&["rebuild", "--workspace", "No Slug"]).contains("neither an id nor a short name"));
    assert!(complaint(&["verify", "--projection", "invoices"]).contains("customers, conversations"));
    let nothing = projections("interflow", &fixture, data.path(), &["rebuild"]);
    assert!(nothing.status.success() && nothing.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_is_killed_with_signal_9_goes_on_when_it_is_run_again() {
    let fixture = Fixture::new().await;
    let (chat, data) = (new_chat(), tempfile::tempdir().unwrap());
    fixture.append(fixture.opened(chat)).await.unwrap();
    // A whole batch, and a rest that is taken with the head locked.
    let many = (0..1_200).map(|number| assigned(&format!("agent {number}")));
    fixture.append(fixture.empty().on(StreamId::Chat(chat), 1, many)).await.unwrap();

    let holder = fixture.lock_head().await;
    let mut rebuild = program("interflow", &fixture, data.path());
    let mut rebuild = rebuild.args(["projections", "rebuild"]).stderr(Stdio::null()).spawn().unwrap();
    fixture.wait_for_waiter().await;
    rebuild.kill().unwrap();
    assert!(!rebuild.wait().unwrap().success());
    drop(holder);
    let status = Projections::new(&fixture.log).list(None).await.unwrap().remove(0);
    assert_eq!((status.generation, status.filling.map(|filling| filling.position)), (1, Some(1000)));

    let again = projections("interflow", &fixture, data.path(), &["rebuild"]);
    let told = String::from_utf8(again.stderr).unwrap();
    assert!(again.status.success() && told.contains("goes on at event 1000"), "{told}");
    assert_eq!(generations(&fixture).await, live(2));
    assert_eq!(verified(&Projections::new(&fixture.log), fixture.workspace).await.1, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_at_its_start_which_definition_has_changed_and_serves() {
    let fixture = Fixture::new().await;
    let data = tempfile::tempdir().unwrap();
    fixture.append(fixture.opened(new_chat())).await.unwrap();
    let older = "UPDATE generations SET definitions = jsonb_set(definitions, '{customers}', '\"0-\"')";
    fixture.pool.execute(older).await.unwrap();

    let mut server = program("interflow-lab", &fixture, data.path());
    server.args(["serve", "--listen", "127.0.0.1:0", "--whatsapp", "ws://127.0.0.1:9/ws/chat"]);
    let mut server = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = vec![];
    for line in BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok) {
        let ready = line.contains("ready");
        said.push(line);
        if ready {
            break;
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let warned: Vec<_> =
        said.iter().filter(|line| line.contains("the definition of this projection")).collect();
    assert_eq!(warned.len(), 1, "{said:?}");
    assert!(
        warned[0].contains("customers") && warned[0].contains("interflow projections rebuild"),
        "{said:?}"
    );
    assert!(said.last().unwrap().contains("ready"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_is_replayed_from_the_command_line() {
    let (fixture, elsewhere, data) = (written().await, Database::new().await, tempfile::tempdir().unwrap());
    let workspace = fixture.workspace.to_string();
    let run = |arguments: &[&str]| {
        let mut command = program("interflow", &fixture, data.path());
        let output =
            command.args(["audit", "replay", "--workspace", &workspace]).args(arguments).output().unwrap();
        let (said, complained) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        (output.status.success(), said.unwrap(), complained.unwrap())
    };
    let events = Projections::new(&fixture.log).list(None).await.unwrap().remove(0).events;
    let (done, said, complained) = run(&[]);
    assert!(done, "{complained}");
    assert!(said.contains(&format!("rows as of event {events} (")), "{said}");
    assert!(said.contains("  0 differ from the rows that serve"), "{said}");

    // Two files of the same moment are the same bytes.
    let (until, file) = ((events / 2).to_string(), |name: &str| data.path().join(name).display().to_string());
    let files = [file("one.jsonl"), file("other.jsonl")];
    for file in &files {
        let (done, said, complained) = run(&["--until", &until, "--json", file]);
        assert!(done && said.contains("not compared"), "{said}{complained}");
        assert!(!Path::new(&format!("{file}.part")).exists());
    }
    let [one, other] = files.map(|file| std::fs::read(file).unwrap());
    assert!(one == other && one.iter().filter(|byte| **byte == b'\n').count() > 20);

    let (ours, url) = (url(&fixture.database.options), url(&elsewhere.options));
    let (done, said, complained) = run(&["--into", &url, "--until", "2999-01-01T00:00:00Z"]);
    assert!(!done && complained.contains("must not be in the future"), "{said}{complained}");
    let (done, said, complained) = run(&["--into", &url]);
    assert!(done && said.contains("  0 differ"), "{said}{complained}");
    let rows = "SELECT count(*) FROM messages WHERE generation = 1";
    let made: i64 = sqlx::query_scalar(rows).fetch_one(&elsewhere.pool).await.unwrap();
    assert!(made > 0 && fixture.count(&format!("{rows} AND workspace_id = $1")).await == made);

    fixture.pool.execute("UPDATE customers SET name = 'Mallory'").await.unwrap();
    let (done, said, complained) = run(&[]);
    assert!(!done && said.contains("differs in name"), "{said}");
    assert!(
        complained.contains("run `interflow projections rebuild`") && !said.contains("Mallory"),
        "{complained}"
    );

    for (arguments, why) in [
        (vec!["--until", "999999"], format!("the position {events}")),
        (vec!["--until", "tomorrow"], "a position of the log or a time".to_owned()),
        (vec!["--into", "mysql://x"], "postgres://user:password@host".to_owned()),
        (vec!["--into", &ours], "has a log of workspace".to_owned()),
        (vec!["--json", "/nowhere/at/all.jsonl"], "cannot be written".to_owned()),
        (vec!["--into", &url, "--json", "x"], "cannot be used with".to_owned()),
    ] {
        let (done, _, complained) = run(&arguments);
        assert!(!done && complained.contains(&why), "{arguments:?}: {complained}");
    }
    assert_eq!(generations(&fixture).await, live(1), "nothing is left aside");
}
