//! Just enough of PostgreSQL's frontend protocol (version 3) to ask the server a question over its socket:
//! server-only packages bring no `psql` and no `pg_isready`, and a socket that accepts is not a server that
//! answers. Statements are ours alone, never a user's.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub(crate) type Row = Vec<Option<String>>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the socket: {0}")]
    Io(#[from] io::Error),
    #[error("the server said: {message} ({code})")]
    Server { code: String, message: String },
    #[error("the server does not speak the expected protocol: {0}")]
    Protocol(&'static str),
}

pub(crate) struct Wire {
    stream: UnixStream,
}

impl Wire {
    pub(crate) fn connect(socket: &Path, user: &str, database: &str) -> Result<Self, WireError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        let mut wire = Self { stream };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", "interflow-supervisor", ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        wire.send(None, &body)?;
        wire.until_ready()?;
        Ok(wire)
    }

    /// The process that listens on the socket, as the kernel knows it.
    pub(crate) fn peer_pid(&self) -> Result<u32, WireError> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream).map_err(io::Error::from)?;
        Ok(peer.pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// Runs one statement and returns its rows as text.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.send(Some(b'Q'), &body)?;
        self.until_ready()
    }

    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<(), WireError> {
        let length = u32::try_from(body.len() + 4).map_err(|_| WireError::Protocol("message too long"))?;
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        Ok(self.stream.write_all(&message)?)
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>), WireError> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        // What answers may be no PostgreSQL at all: believe no length that our few questions cannot cause.
        if !(4..1 << 20).contains(&length) {
            return Err(WireError::Protocol("length out of range"));
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }

    fn until_ready(&mut self) -> Result<Vec<Row>, WireError> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match self.receive()? {
                (b'R', body) if body != [0, 0, 0, 0] => {
                    return Err(WireError::Protocol("it asks for a password"));
                }
                (b'D', body) => rows.push(parse_row(&body)?),
                (b'E', body) => {
                    let error = parse_error(&body);
                    // A fatal error ends the connection: nothing comes after it.
                    if error.0 {
                        return Err(error.1);
                    }
                    failure = Some(error.1);
                }
                (b'Z', _) => return failure.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }
}

fn parse_row(body: &[u8]) -> Result<Row, WireError> {
    const SHORT: WireError = WireError::Protocol("a row ends too early");
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or(SHORT)?;
    let mut row = Row::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
        rest = after;
        match usize::try_from(i32::from_be_bytes(*length)) {
            Err(_) => row.push(None),
            Ok(length) => {
                let (value, after) = rest.split_at_checked(length).ok_or(SHORT)?;
                row.push(Some(String::from_utf8_lossy(value).into_owned()));
                rest = after;
            }
        }
    }
    Ok(row)
}

/// Whether the error is fatal, and the error.
fn parse_error(body: &[u8]) -> (bool, WireError) {
    let (mut fatal, mut code, mut message) = (false, String::new(), String::new());
    for field in body.split(|byte| *byte == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b'V' => fatal = text != "ERROR",
            b'C' => code = text,
            b'M' => message = text,
            _ => {}
        }
    }
    (fatal, WireError::Server { code, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_nulls_apart_from_empty_text() {
        let body = [0, 3, 0, 0, 0, 2, b'h', b'i', 255, 255, 255, 255, 0, 0, 0, 0];
        assert_eq!(parse_row(&body).unwrap(), [Some("hi".to_owned()), None, Some(String::new())]);
        assert!(parse_row(&body[..7]).is_err());
    }

    #[test]
    fn an_error_says_its_code_and_whether_it_is_fatal() {
        let (fatal, error) = parse_error(b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0");
        assert!(fatal);
        assert!(error.to_string().ends_with("starting up (57P03)"));
    }

    #[test]
    fn a_server_that_speaks_something_else_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        assert!(matches!(Wire::connect(&path, "a", "b"), Err(WireError::Protocol(_))));
        server.join().unwrap();
    }
}
