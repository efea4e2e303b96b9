//! SIGTERM while calls come in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use interflow_embedded_postgres::EmbeddedPostgres;
use interflow_infrastructure::database::Options;
use reqwest::Method;
use serde_json::json;

use super::servers::{census, default_log, start};
use crate::support::PATIENCE;
use crate::support::lab::signal;

/// Every call that is answered with success is there, no other is, and what is not answered is told so or finds the
/// connection closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_answers_what_it_has_begun() {
    let data = tempfile::tempdir().unwrap();
    let (mut server, api) = start(data.path(), None, &[]);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let callers = join_all((0..16).map(|caller| {
        let (api, acknowledged) = (api.clone(), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let mut created = vec![];
            loop {
                let email = format!("caller-{caller}-call-{}@example.com", created.len());
                let body = json!({"name": "Ana", "email": email}).to_string();
                let headers = [("Content-Type", "application/json")];
                match api.try_call(Method::POST, "/v1/customers", &headers, Some(body)).await {
                    Ok(answer) if answer.status == 201 => {
                        created.push(answer.body["data"]["id"].as_str().unwrap().to_owned());
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(answer) => {
                        answer.refused(503, "UNAVAILABLE");
                        return created;
                    }
                    // The connection ended before an answer began; one that has begun is whole.
                    Err(error) if error.is_connect() || error.is_request() => return created,
                    Err(error) => panic!("an answer was cut: {error:?}"),
                }
            }
        })
    }));
    let stop = async {
        let began = Instant::now();
        while acknowledged.load(Ordering::SeqCst) < 100 {
            assert!(began.elapsed() < PATIENCE, "calls are not answered");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        signal("TERM", server.id());
    };
    let (callers, ()) = tokio::join!(callers, stop);
    let created: BTreeSet<String> = callers.into_iter().flat_map(Result::unwrap).collect();
    assert!(server.wait().success());

    let (mut again, _) = start(data.path(), None, &[]);
    let postgres = EmbeddedPostgres::attach(data.path()).await.unwrap();
    let census = census(Options::parse(&postgres.url()).unwrap()).await;
    let logged: BTreeSet<String> = default_log(&census)
        .iter()
        .filter(|event| event.event.event_type() == "customer.created")
        .map(|event| event.stream.aggregate_id())
        .collect();
    assert!(created.len() >= 100 && created == logged, "{} answered, {} there", created.len(), logged.len());
    assert!(again.terminate().success());
}
