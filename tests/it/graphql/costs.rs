//! What an answer may come to is charged to the plan, with the requests of REST.

use serde_json::json;

use crate::rest::server::Server;
use crate::rest::{made, tenant};

fn left(header: &str) -> u32 {
    header.split(";r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_query_costs_as_many_requests_as_its_answer_may_be_long() {
    let server = Server::start().await;
    let api = tenant(&server.api, &made(&server.api, "small").await);
    let small = api.ask("{ workspace { slug } }", json!({})).await;
    assert_eq!(left(small.header("ratelimit")), 59);
    // 100 chats of 100 messages of two fields and what holds them.
    let large = "{ chats(first: 100) { nodes { messages(first: 50) { nodes { id status } } } } }";
    let answer = api.ask(large, json!({})).await;
    assert!(answer.status.is_success() && answer.body.get("errors").is_none(), "{}", answer.text);
    let after = left(answer.header("ratelimit"));
    assert!((45..55).contains(&after), "{after} are left");
    api.get("/v1/customers").await.expect(200);
    let mut refused = None;
    for _ in 0..20 {
        let answer = api.ask(large, json!({})).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!((refused.status.as_u16(), refused.codes()), (429, vec!["RATE_LIMITED"]));
    assert!(!refused.header("retry-after").is_empty() && refused.body.get("data").is_none());
    // What costs less is still served.
    let left = left(refused.header("ratelimit"));
    assert!(left > 0, "{}", refused.header("ratelimit"));
    assert!(api.ask("{ workspace { slug } }", json!({})).await.status.is_success());
}
