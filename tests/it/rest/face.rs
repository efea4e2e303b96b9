//! What every answer has in common.

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::Server;

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let server = Server::start().await;
    let ask = async |id: &str| {
        server.api.call(Method::GET, "/v1/customers", &[("X-Request-Id", id)], None::<&'static str>).await
    };
    assert_eq!(ask("trace-7f9c.1").await.header("x-request-id"), "trace-7f9c.1");
    for id in ["a b", "a\"b", "", &"x".repeat(200)] {
        let answer = ask(id).await;
        let given = answer.header("x-request-id");
        assert!(given.starts_with("req_") && given.len() == 36, "{given}");
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::start().await;
    let answer = server.api.call(Method::HEAD, "/v1/customers", &[], None::<&str>).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let server = Server::start().await;
    let (key, address) = (server.api.key.clone().unwrap(), server.running.address);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/customers HTTP/1.1\r\nHost: x\r\napikey: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{\"name\":"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("REQUEST_TIMEOUT"), "{answer}");
}
