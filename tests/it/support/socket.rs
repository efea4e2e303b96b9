//! A client of GraphQL over a WebSocket: it says what it is told to, and hears what comes.

use futures::{SinkExt as _, StreamExt as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::PATIENCE;
use super::api::Api;

/// A socket that is open.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// A socket whose client has said who it is.
    pub async fn open(api: &Api) -> Self {
        let mut socket = Self::silent(api).await;
        socket.say(json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", api.key.as_ref().unwrap())}})).await;
        assert_eq!(socket.hear().await.unwrap(), json!({"type": "connection_ack"}));
        socket
    }

    /// A socket whose client has said nothing yet.
    pub async fn silent(api: &Api) -> Self {
        Self::ask(api, &[("sec-websocket-protocol", "graphql-transport-ws")]).await.unwrap()
    }

    /// Asks for a socket, with these headers; or what was answered instead.
    pub async fn ask(api: &Api, headers: &[(&'static str, &str)]) -> Result<Self, StatusCode> {
        let url = format!("ws{}/graphql", api.url.strip_prefix("http").unwrap());
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(refused)) => Err(StatusCode::from_u16(refused.status().as_u16()).unwrap()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Says something.
    pub async fn say(&mut self, said: impl ToString) {
        self.send(Message::text(said.to_string())).await;
    }

    /// Sends whatever.
    pub async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// Asks for something, by this id.
    pub async fn ask_for(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(json!({"type": "subscribe", "id": id, "payload": payload})).await;
    }

    /// What comes next, questions whether it is there aside; or the code and the reason with which the server closes.
    pub async fn hear(&mut self) -> Result<Value, (u16, String)> {
        let hearing = async {
            loop {
                let heard = self.listen().await?;
                if heard["type"] != "ping" {
                    return Ok(heard);
                }
                self.say(json!({"type": "pong"})).await;
            }
        };
        // Questions whether it is there are no answer.
        timeout(PATIENCE, hearing).await.expect("nothing was said")
    }

    /// The same, questions among it.
    pub async fn listen(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let heard = timeout(PATIENCE, self.stream.next()).await.expect("nothing was said");
            match heard.expect("the socket broke off without a word").unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => {
                    let frame = frame.expect("a close without a code");
                    return Err((frame.code.into(), frame.reason.to_string()));
                }
                _ => {}
            }
        }
    }

    /// The next result of an operation.
    pub async fn next(&mut self, id: &str) -> Value {
        let heard = self.hear().await.unwrap();
        assert_eq!((&heard["type"], &heard["id"]), (&json!("next"), &json!(id)), "{heard}");
        assert_eq!(heard["payload"].get("errors"), None, "{heard}");
        heard["payload"]["data"].clone()
    }

    /// The error that ends an operation.
    pub async fn refused(&mut self, id: &str, code: &str) -> Value {
        let heard = self.hear().await.unwrap();
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!(id)), "{heard}");
        assert_eq!(heard["payload"][0]["extensions"]["code"], code, "{heard}");
        heard["payload"][0].clone()
    }

    /// With which code the server closes.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            if let Err(closed) = self.hear().await {
                return closed;
            }
        }
    }

    /// With which code the server closes while it is sent something that it does not take.
    pub async fn interrupted(self, message: Message) -> (u16, String) {
        let (mut sink, mut stream) = self.stream.split();
        let sending = tokio::spawn(async move { sink.send(message).await });
        let closed = loop {
            if let Message::Close(Some(frame)) = stream.next().await.unwrap().unwrap() {
                break (frame.code.into(), frame.reason.to_string());
            }
        };
        sending.abort();
        closed
    }

    /// Whether nothing has come.
    pub fn is_quiet(&mut self) -> bool {
        futures::FutureExt::now_or_never(self.stream.next()).is_none()
    }
}
