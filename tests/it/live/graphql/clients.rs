//! Clients that nobody here wrote.

use std::process::Stdio;

use interflow_application::{Actor, Context, home_workspace};
use tokio::process::Command;

use super::super::customers;
use crate::rest::server::Server;
use crate::support::say;

/// How many events happen while a client follows them.
const MANY: u64 = 10_000;
/// What each of them changes, once however often it asks.
const CHANGE: &str = "mutation { createCustomer(input: {email: \"client@example.com\"}, idempotencyKey: \"client\") \
                      { customer { email version } } }";

/// Started by scripts/verify-graphql, which brings the clients: `CLIENTS_DIR` has their programs, `CLIENTS_NODE` and
/// `CLIENTS_PYTHON` are the interpreters, as far as they are there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "scripts/verify-graphql brings the clients"]
async fn clients_of_other_people_ask_change_and_follow_without_a_gap() {
    let directory = std::env::var("CLIENTS_DIR").unwrap();
    for (variable, program) in [("CLIENTS_NODE", "graphql.mjs"), ("CLIENTS_PYTHON", "client.py")] {
        let Some(interpreter) = std::env::var_os(variable) else { continue };
        let server = Server::start().await;
        let context = Context::internal(home_workspace(), Actor::Operator, "req_test".to_owned());
        let core = server.running.core();
        // What a client changes before is in the log, too.
        customers(core, &context, 100).await;
        let after = core.log.head(context.workspace).await.unwrap();
        let mut client = Command::new(interpreter);
        client.arg(format!("{directory}/{program}")).current_dir(&directory);
        client.env("URL", &server.api.url).env("KEY", server.api.key.as_ref().unwrap());
        client
            .env("MUTATION", CHANGE)
            .env("AFTER", after.to_string())
            .env("UNTIL", (after + MANY).to_string());
        let client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (ended, ()) = tokio::join!(client.wait_with_output(), customers(core, &context, MANY));
        let ended = ended.unwrap();
        let told = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{told}{}", String::from_utf8_lossy(&ended.stderr));
        say(told.trim());
    }
}
