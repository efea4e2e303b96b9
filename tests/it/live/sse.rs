//! `GET /v1/events/stream`.

use interflow_domain::workspace::Scope;
use serde_json::json;

use super::{customer, moment};
use crate::rest::server::Server;
use crate::support::api::fields;
use crate::support::sse::{Frame, Sse};

#[tokio::test]
async fn what_a_stream_tells_is_what_the_feed_lists() {
    let server = Server::start().await;
    let channel = server.open_channel("shop").await;
    let mut now = Sse::open(&server.api, "", None).await;
    let mut past = Sse::open(&server.api, "since=0", None).await;
    customer(&server.api).await;
    let sent = server.api.send("shop", "5511999999999", "hello").await.expect(201);
    let (chat, buyer) =
        (sent["data"]["chat_id"].as_str().unwrap(), sent["data"]["customer_id"].as_str().unwrap());
    let listed = server.api.until("/v1/events?limit=100", |body| {
        body["data"].as_array().unwrap().iter().any(|event| event["type"] == "message.sent")
    });
    let listed = listed.await["data"].as_array().unwrap().clone();
    let mut streamed = vec![];
    while streamed.len() < listed.len() {
        streamed.push(past.next().await.unwrap().data);
    }
    assert_eq!(streamed, listed, "the same events in the same words");
    let first = now.next().await.unwrap();
    assert_eq!(first.data["type"], "customer.created");
    assert_eq!(now.last_id, first.data["position"].to_string());

    let only = async |query: &str| {
        let wanted = async |query: &str| {
            let listed = server.api.get(&format!("/v1/events?limit=100&{query}")).await.expect(200);
            listed["data"].as_array().unwrap().clone()
        };
        let mut stream = Sse::open(&server.api, &format!("since=0&{query}"), None).await;
        for event in wanted(query).await {
            assert_eq!(stream.next().await.unwrap().data, event, "{query}");
        }
    };
    only("types=message.*,chat.opened&types=customer.created").await;
    only(&format!("channel_id={channel}")).await;
    only("channel_id=shop").await;
    let is_of = |field: &'static str, id: &str| {
        let id = json!(id);
        let of: Vec<_> = listed
            .iter()
            .filter(|event| {
                let own = if field == "chat_id" { "chat." } else { "customer." };
                event["data"][field] == id
                    || (event["type"].as_str().unwrap().starts_with(own) && event["data"]["id"] == id)
            })
            .cloned()
            .collect();
        assert!(of.len() >= 3, "{field}: {of:?}");
        of
    };
    for (field, id) in [("chat_id", chat), ("customer_id", buyer)] {
        let mut stream = Sse::open(&server.api, &format!("since=0&{field}={id}"), None).await;
        for event in is_of(field, id) {
            assert_eq!(stream.next().await.unwrap().data, event, "{field}");
        }
    }
}

#[tokio::test]
async fn no_proxy_and_no_cache_keeps_a_stream_and_it_is_not_compressed() {
    let server = Server::start().await;
    let request = server.api.http.get(format!("{}/v1/events/stream", server.api.url));
    let request = request.bearer_auth(server.api.key.as_ref().unwrap()).header("accept-encoding", "gzip");
    let answer = request.send().await.unwrap();
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("content-type").unwrap(), "text/event-stream");
    assert!(header("cache-control").unwrap().contains("no-store"));
    assert_eq!(header("x-accel-buffering").unwrap(), "no");
    assert_eq!(header("content-encoding"), None);
}

#[tokio::test]
async fn bad_input_names_every_parameter_and_a_key_in_the_address_is_refused() {
    let server = Server::start().await;
    let query = "since=x&types=massage.*&channel_id=&chat_id=x&customer_id=x&signals=2&apikey=flowcore123";
    let path = format!("/v1/events/stream?{query}");
    let refused = server.api.get(&path).await.refused(422, "VALIDATION_ERROR");
    let wrong = ["since", "types", "channel_id", "chat_id", "customer_id", "signals", "apikey"];
    assert_eq!(fields(&refused), wrong);
    for query in ["since=1000000", "channel_id=nobody"] {
        server.api.get(&format!("/v1/events/stream?{query}")).await.refused(422, "VALIDATION_ERROR");
    }
    let shown = [("Last-Event-ID", "evt_1")];
    let asked = server.api.call(reqwest::Method::GET, "/v1/events/stream", &shown, None::<&str>).await;
    assert_eq!(fields(&asked.refused(422, "VALIDATION_ERROR")), ["Last-Event-ID"]);
}

#[tokio::test]
async fn a_key_has_so_many_streams_and_gets_a_place_back() {
    let server = Server::with(|config| interflow::Config { streams_per_key: 2, ..config }).await;
    let one = Sse::open(&server.api, "", None).await;
    let _two = Sse::open(&server.api, "", None).await;
    let refused = server.api.get("/v1/events/stream").await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.refused(503, "UNAVAILABLE");
    let other = server.another("second", &[Scope::EventsRead], None).await;
    drop(Sse::open(&other, "", None).await);
    drop(one);
    let begin = std::time::Instant::now();
    loop {
        let answer = Sse::ask(&server.api, "", None).await.unwrap();
        if answer.status() == 200 {
            break;
        }
        assert!(begin.elapsed() < crate::support::PATIENCE, "the place was not given back");
        moment().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_waits_for_no_stream() {
    let server = Server::start().await;
    let mut stream = Sse::open(&server.api, "", None).await;
    let begin = std::time::Instant::now();
    let (again, last) = tokio::join!(server.restarted(), stream.next());
    let Frame { event, data } = last.unwrap();
    assert_eq!((event.as_str(), &data["code"]), ("error", &json!("UNAVAILABLE")));
    assert_eq!(stream.next().await, None);
    assert!(begin.elapsed() < crate::support::PATIENCE);
    let made = customer(&again.api).await;
    let last_id = stream.last_id.clone();
    let mut stream = Sse::open(&again.api, "types=customer.*", Some(&last_id)).await;
    assert_eq!(stream.next().await.unwrap().data["data"]["id"], json!(made));
}
