//! What is said over a socket, as the protocol `graphql-transport-ws` has it, and why one is closed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_graphql::{Request, ServerError, Value};
use axum::extract::ws::CloseFrame;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::error::{ApiError, Code};

/// The protocol's name, as clients ask for it.
pub const PROTOCOL: &str = "graphql-transport-ws";

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, serde_json::Value>>,
    },
    Subscribe {
        id: String,
        payload: Box<Request>,
    },
    Complete {
        id: String,
    },
    Ping,
    Pong,
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer<'a> {
    ConnectionAck,
    Ping { payload: Positions },
    Pong,
    Next { id: &'a str, payload: Payload<'a> },
    Error { id: &'a str, payload: &'a [ServerError] },
    Complete { id: &'a str },
}

/// Up to where each subscription was told everything it asked for, by its id.
#[derive(Serialize)]
pub struct Positions {
    pub positions: BTreeMap<String, u64>,
}

/// A result.
#[derive(Serialize)]
pub struct Payload<'a> {
    pub data: &'a Value,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub errors: &'a [ServerError],
}

/// Longest reason that a close frame holds.
const REASON_BYTES: usize = 123;

/// Why a socket is closed: a code for programs, and a reason that begins with the catalogue's code where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

impl Close {
    /// What was said is not of the protocol.
    pub fn invalid(why: &str) -> Self {
        Self::new(4400, format!("Invalid message: {why}"))
    }

    /// Something was asked for before the client said who it is.
    pub fn unacknowledged() -> Self {
        Self::new(4401, "Unauthorized: a connection begins with 'connection_init'")
    }

    /// The client asked for another protocol, or none.
    pub fn other_protocol() -> Self {
        Self::new(4406, format!("Subprotocol not acceptable: this server speaks '{PROTOCOL}'"))
    }

    /// The client did not say who it is.
    pub fn silent() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// An id that is in use.
    pub fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// The client said twice who it is.
    pub fn greeted_twice() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// The server stops; another takes over.
    pub fn stopping() -> Self {
        Self::new(1012, "UNAVAILABLE: the server is shutting down: connect again")
    }

    /// The client no longer answers.
    pub fn gone() -> Self {
        Self::new(3008, "Timeout: no answer to 'ping'")
    }

    /// The code of [`Self::too_large`].
    pub const TOO_LARGE: u16 = 1009;

    /// More in one message than the server takes.
    pub fn too_large() -> Self {
        Self::new(Self::TOO_LARGE, "PAYLOAD_TOO_LARGE: the message is over the limit")
    }

    /// The client was not let in, or is not any more.
    pub fn refused(error: &ApiError) -> Self {
        let code = match error.code() {
            Code::Unauthorized => 4401,
            Code::Forbidden | Code::WorkspaceSuspended => 4403,
            Code::Internal => 1011,
            _ => 1013,
        };
        Self::new(code, format!("{}: {}", error.code().name(), error.message()))
    }

    /// A subscription came to an end that ends them all.
    pub fn ended(code: &str, message: &str) -> Self {
        let number = match code {
            "TOO_SLOW" => 4010,
            "UNAUTHORIZED" => 4401,
            "FORBIDDEN" | "WORKSPACE_SUSPENDED" => 4403,
            _ => 1013,
        };
        Self::new(number, format!("{code}: {message}"))
    }

    fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        let mut end = reason.len().min(REASON_BYTES);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        reason.truncate(end);
        Self { code, reason }
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        Self { code: close.code, reason: close.reason.as_str().into() }
    }
}

/// Reads what was said.
pub fn read(text: &str) -> Result<Said, Close> {
    serde_json::from_str(text).map_err(|error| {
        let why: Cow<'_, str> =
            if error.is_data() { error.to_string().into() } else { "it is not JSON".into() };
        Close::invalid(&why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_is_read_and_anything_else_is_named() {
        assert!(matches!(read(r#"{"type":"connection_init"}"#), Ok(Said::ConnectionInit { payload: None })));
        let init = r#"{"type":"connection_init","payload":{"apikey":"x"}}"#;
        assert!(
            matches!(read(init), Ok(Said::ConnectionInit { payload: Some(payload) }) if payload["apikey"] == "x")
        );
        let subscribe = r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"b":1}}}"#;
        assert!(
            matches!(read(subscribe), Ok(Said::Subscribe { id, payload }) if id == "1" && payload.query == "{a}")
        );
        assert!(matches!(read(r#"{"type":"ping","payload":{"a":1}}"#), Ok(Said::Ping)));
        assert!(matches!(read(r#"{"type":"complete","id":"1"}"#), Ok(Said::Complete { .. })));
        for text in [
            "",
            "{",
            "[]",
            r#"{"type":"start","id":"1"}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"subscribe"}"#,
        ] {
            let refused = read(text).err().unwrap();
            assert_eq!(refused.code, 4400, "{text}");
            assert!(refused.reason.len() <= REASON_BYTES);
        }
    }

    #[test]
    fn a_reason_fits_its_frame() {
        let close = Close::duplicate(&"é".repeat(200));
        assert!(close.reason.len() <= REASON_BYTES && close.reason.starts_with("Subscriber for é"));
    }

    #[test]
    fn a_result_says_of_errors_only_what_there_is() {
        let data = Value::Null;
        let told = Answer::Next { id: "7", payload: Payload { data: &data, errors: &[] } };
        assert_eq!(
            serde_json::to_string(&told).unwrap(),
            r#"{"type":"next","id":"7","payload":{"data":null}}"#
        );
    }
}
