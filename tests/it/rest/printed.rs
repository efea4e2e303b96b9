//! What the two references print, run as it is printed: `printed/*.md` holds their examples and routes, verbatim. Only
//! the address, the key and the ids are those of the test, as a reader would put in theirs.

use serde_json::{Value, json};

use super::server::Server;
use crate::support::page::{blocks, is_there, run};

const INTERFLOW: &str = include_str!("printed/interflow.md");
const FLOWCORE: &str = include_str!("printed/flowcore.md");

/// A status and a body.
struct Answer {
    status: u16,
    body: Value,
}

/// Runs a printed curl command.
async fn curl(server: &Server, printed: &str, channel: &str) -> Answer {
    let key = server.api.key.as_deref().unwrap();
    let command = printed
        .replace("https://api.interflow.chat", &server.api.url)
        .replace("your_api_key_here", key)
        .replace("your_api_key", key)
        .replace("channel-uuid", channel)
        .replacen("curl ", "curl -sS -w '\\n%{http_code}' ", 1);
    let told = run("sh", &["-euc", &command]).await;
    let (body, status) = told.rsplit_once('\n').unwrap();
    Answer { status: status.parse().unwrap(), body: serde_json::from_str(body).unwrap() }
}

/// A printed HTTP request as the curl command that makes it, with the key that the reference says every request has.
fn as_curl(request: &str) -> String {
    let (line, rest) = request.split_once('\n').unwrap();
    let (method, path) = line.split_once(' ').unwrap();
    let mut command =
        format!("curl -X {method} 'https://api.interflow.chat{path}' -H 'apikey: your_api_key'");
    let body = rest.find('{').map(|start| &rest[start..]);
    for header in rest[..rest.len() - body.map_or(0, str::len)].lines().filter(|line| line.contains(": ")) {
        if !header.starts_with("apikey") {
            command += &format!(" -H '{header}'");
        }
    }
    // curl has a Content-Type of its own, which the reference does not print.
    if body.is_some() && !command.contains("Content-Type") {
        command += " -H 'Content-Type:'";
    }
    body.map_or(command.clone(), |body| format!("{command} -d '{}'", body.trim()))
}

/// What is printed of an answer, without the remarks in it.
fn printed_json(block: &str) -> Value {
    let lines: Vec<&str> = block.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&lines.join("\n")).unwrap()
}

/// Whether an answer holds all that is printed. Ids, times and QRs are of the printed kind.
fn holds(answer: &Value, printed: &Value, place: &str) {
    match (answer, printed) {
        (Value::Object(answer), Value::Object(printed)) => {
            for (name, printed) in printed {
                let place = format!("{place}.{name}");
                holds(answer.get(name).unwrap_or_else(|| panic!("{place} is not there")), printed, &place);
            }
        }
        (Value::Array(answer), Value::Array(printed)) => {
            assert_eq!(answer.len(), printed.len(), "{place}");
            for (answer, printed) in answer.iter().zip(printed) {
                holds(answer, printed, place);
            }
        }
        (Value::String(answer), Value::String(printed)) if place.ends_with(".created_at") => {
            for time in [answer, printed] {
                assert!(time.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{place}: {time}");
            }
        }
        (Value::String(answer), Value::String(printed)) if place.ends_with(".id") => {
            assert_eq!(answer.split('_').next(), printed.split('_').next(), "{place}");
        }
        (Value::String(answer), Value::String(printed)) if place.ends_with(".qrcode") => {
            assert!(answer.starts_with("2@") && printed.starts_with("2@"), "{place}");
        }
        (answer, printed) => assert_eq!(answer, printed, "{place}"),
    }
}

#[tokio::test]
async fn what_the_interflow_reference_prints_works_as_printed() {
    if !is_there("curl", &["--version"]).await {
        return;
    }
    let server = Server::start().await;
    let channel = server.open_channel("shop").await;
    let (commands, answers) = (blocks(INTERFLOW, "bash"), blocks(INTERFLOW, "json"));
    let [list, send] = commands.as_slice() else { panic!("two commands are printed") };
    let [success, error, sent] = answers.as_slice() else { panic!("three answers are printed") };

    for email in 0..100 {
        let customer = json!({"email": format!("customer{email}@example.com")});
        server.api.post("/v1/customers", customer).await.expect(201);
    }
    let listed = curl(&server, list, &channel).await;
    assert_eq!(listed.status, 200);
    let mut success = printed_json(success);
    success.as_object_mut().unwrap().remove("data");
    holds(&listed.body, &success, "success");
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 20);

    let create = list.replace("-X GET", "-X POST -d '{}'");
    let refused = curl(&server, &create, &channel).await;
    assert_eq!(refused.status, 422);
    holds(&refused.body, &printed_json(error), "error");

    let answered = curl(&server, send, &channel).await;
    assert_eq!(answered.status, 201);
    let sent = sent.replace("channel-uuid", &channel);
    holds(&answered.body, &printed_json(&sent), "sent");
    server.phones.until_received("5511999999999", 1).await;
}

#[tokio::test]
async fn what_the_flowcore_reference_prints_works_as_printed() {
    if !is_there("curl", &["--version"]).await {
        return;
    }
    let server = Server::start().await;
    let requests = blocks(FLOWCORE, "http");
    let [connect, instances, send] = requests.as_slice() else { panic!("three requests are printed") };
    let connected = curl(&server, &as_curl(connect), "").await;
    assert_eq!(connected.status, 200);
    holds(&connected.body, &printed_json(&blocks(FLOWCORE, "json")[0]), "connected");

    server.pair("user_id_001").await;
    let listed = curl(&server, &as_curl(instances), "").await;
    assert_eq!((listed.status, &listed.body["instances"][0]["status"]), (200, &json!("open")));
    let sent = curl(&server, &as_curl(send), "").await;
    assert_eq!((sent.status, &sent.body["number"]), (200, &json!("1234567890")));
    assert_eq!(server.phones.until_received("1234567890", 1).await[0]["text"], "Hello from Flowcore AI!");
}

/// The rows of the tables: method and path.
fn routes() -> Vec<(String, String)> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>();
    let interflow = INTERFLOW.lines().filter(|line| line.starts_with("| `")).map(cells);
    let flowcore = FLOWCORE.lines().filter(|line| line.starts_with("| **")).map(cells);
    let interflow = interflow.map(|row| (row[1].clone(), format!("/v1{}", row[2])));
    interflow.chain(flowcore.map(|row| (row[3].clone(), row[2].clone()))).collect()
}

#[test]
fn every_printed_route_is_described() {
    let paths = &interflow::openapi::document()["paths"];
    let mut seen = 0;
    for (method, path) in routes() {
        let described = paths.as_object().unwrap().iter().any(|(known, item)| {
            let same = known.split('/').count() == path.split('/').count()
                && known.split('/').zip(path.split('/')).all(|(known, printed)| {
                    known == printed || (known.starts_with('{') && printed.starts_with(':'))
                });
            same && item.get(method.to_lowercase()).is_some()
        });
        assert!(described, "{method} {path}");
        seen += 1;
    }
    assert_eq!(seen, 16);
}
