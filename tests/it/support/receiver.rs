//! A receiver of webhooks: a socket that writes down what comes, and answers, or does not, as a test wants.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::PATIENCE;

/// What came.
#[derive(Debug, Clone)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// Whether the answer was a 2xx, so that its sender knows that it came.
    pub accepted: bool,
}

/// What a receiver does.
#[derive(Debug, Clone)]
pub enum Reply {
    Status(u16),
    With(u16, Vec<(&'static str, String)>),
    /// An answer of this many bytes.
    Long(usize),
    /// Nothing, for as long as the other side waits.
    Hang,
    /// The connection is closed without an answer.
    Reset,
    /// The head of an answer, and then a byte every now and then, without end.
    Drip,
}

type Behaviour = dyn Fn(&Received, usize) -> Reply + Send + Sync;

pub struct Receiver {
    /// Where it listens, without a path.
    pub url: String,
    desk: Arc<Desk>,
    listening: JoinHandle<()>,
}

struct Desk {
    received: Mutex<Vec<Received>>,
    behaviour: Mutex<Arc<Behaviour>>,
    count: AtomicUsize,
    keeps: bool,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

impl Receiver {
    /// One that does as it is told, by what came and how many came before.
    pub async fn start(behaviour: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(behaviour), true).await
    }

    /// The same, which keeps nothing of it.
    pub async fn forgetful(behaviour: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(Arc::new(behaviour), false).await
    }

    /// One that accepts everything, and only counts it.
    pub async fn counting() -> Self {
        Self::listen(Arc::new(|_, _| Reply::Status(204)), false).await
    }

    async fn listen(behaviour: Arc<Behaviour>, keeps: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (received, count) = (Mutex::default(), AtomicUsize::new(0));
        let desk = Arc::new(Desk { received, behaviour: Mutex::new(behaviour), count, keeps });
        let serving = Arc::clone(&desk);
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { url, desk, listening }
    }

    /// One that accepts everything.
    pub async fn accepting() -> Self {
        Self::start(|_, _| Reply::Status(204)).await
    }

    /// From now on it does otherwise.
    pub fn behave(&self, behaviour: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) {
        *self.desk.behaviour.lock().unwrap() = Arc::new(behaviour);
    }

    /// All that came.
    pub fn received(&self) -> Vec<Received> {
        self.desk.received.lock().unwrap().clone()
    }

    /// All that it accepted.
    pub fn accepted(&self) -> Vec<Received> {
        self.received().into_iter().filter(|one| one.accepted).collect()
    }

    /// How many came.
    pub fn count(&self) -> usize {
        self.desk.count.load(Ordering::SeqCst)
    }

    /// Waits until what came is as wanted, and gives it.
    pub async fn until(&self, wanted: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let begin = Instant::now();
        loop {
            {
                let received = self.desk.received.lock().unwrap();
                if wanted(&received) {
                    return received.clone();
                }
            }
            assert!(begin.elapsed() < PATIENCE, "what came is not as wanted: {} came", self.count());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read(&mut stream).await {
        let behaviour = Arc::clone(&desk.behaviour.lock().unwrap());
        let reply = behaviour(&request, desk.count.fetch_add(1, Ordering::SeqCst));
        request.accepted = match &reply {
            Reply::Status(status) | Reply::With(status, _) => (200..300).contains(status),
            Reply::Long(_) => true,
            Reply::Hang | Reply::Reset | Reply::Drip => false,
        };
        if desk.keeps {
            desk.received.lock().unwrap().push(request);
        }
        if answer(stream.get_mut(), reply).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { path, headers, body: String::from_utf8(body).unwrap(), accepted: false })
}

/// Nothing when the connection is to end.
async fn answer(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    let (status, headers, length) = match reply {
        Reply::Status(status) => (status, vec![], 0),
        Reply::With(status, headers) => (status, headers, 0),
        Reply::Long(length) => (200, vec![], length),
        Reply::Hang => {
            // Until the other side has gone.
            drop(stream.read(&mut [0]).await);
            return None;
        }
        Reply::Reset => return None,
        Reply::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(b"x").await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let mut text = format!("HTTP/1.1 {status} Word\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if status != 204 {
        text += &format!("content-length: {length}\r\n");
    }
    text += "\r\n";
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.write_all(&vec![b'x'; length]).await.ok()
}
