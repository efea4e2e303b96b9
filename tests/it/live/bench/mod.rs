//! What a listener costs, and how soon it is told: `make bench-streams`, and for GraphQL `make bench-graphql`.
//!
//! Many listeners of `GET /v1/events/stream`, or of a subscription, each to one of some customers, while these change at a steady rate. The
//! server is a process of its own, so that its memory is its own. The floor, in the same run, is axum with nothing but a
//! `tokio::sync::broadcast` a customer: nothing is stored, decided, filtered or resumed there. The last line is the result
//! as JSON.
//!
//! By environment: `BENCH_SUBSCRIBERS` (2000), `BENCH_RATE` (200 events a second), `BENCH_SECONDS` (20), `BENCH_ROUNDS`
//! (3), `BENCH_CUSTOMERS` (100, of whom each listener follows one).
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and reads the clock"
)]

mod graphql;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::routing::get;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::support::api::Api;
use crate::support::lab::{KEY, NetworkProcess, Process};

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    subscribers: usize,
    rate: usize,
    time: Duration,
    customers: usize,
}

/// What came of a round.
#[derive(Debug, Clone, Copy)]
struct Sample {
    kib_each: f64,
    p50: f64,
    p99: f64,
    delivered: usize,
    missing: usize,
}

fn micros() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn resident_kib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Opens a stream of server-sent events.
async fn listen(address: Arc<str>, path: String) -> TcpStream {
    let mut socket = TcpStream::connect(&*address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("id:") {
        assert!(socket.read_buf(&mut text).await.unwrap() > 0, "{}", String::from_utf8_lossy(&text));
    }
    assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&text));
    socket
}

/// Reads a stream for ever, and notes how old what it is told is.
async fn follow(mut socket: TcpStream, ages: Arc<Mutex<Vec<u32>>>) {
    const MARK: &[u8] = b"sent at ";
    const PING: &[u8] = b"\"type\":\"ping\"";
    let mut text: Vec<u8> = Vec::with_capacity(4096);
    while socket.read_buf(&mut text).await.is_ok_and(|read| read > 0) {
        let now = micros();
        let mut from = 0;
        while let Some(at) = text[from..].windows(MARK.len()).position(|part| part == MARK) {
            let begin = from + at + MARK.len();
            let Some(digits) = text[begin..].iter().position(|byte| !byte.is_ascii_digit()) else { break };
            let sent: u64 = std::str::from_utf8(&text[begin..begin + digits]).unwrap().parse().unwrap();
            ages.lock().unwrap().push(u32::try_from(now.saturating_sub(sent)).unwrap_or(u32::MAX));
            from = begin + digits;
        }
        if text.windows(PING.len()).any(|part| part == PING) {
            socket.write_all(&graphql::pong()).await.unwrap();
        }
        // What is left may be the beginning of a mark.
        let keep = text.len().saturating_sub(64).max(from);
        text.drain(..keep);
    }
}

/// Lets listeners listen while events come, told by `publish`; both are given the number of a customer.
async fn round<L, F>(
    size: Size,
    process: u32,
    listen: impl Fn(usize) -> L,
    publish: impl Fn(usize) -> F,
) -> Sample
where
    L: Future<Output = TcpStream>,
    F: Future<Output = ()> + Send + 'static,
{
    let ages = Arc::new(Mutex::new(Vec::new()));
    let before = resident_kib(process);
    let mut sockets = Vec::new();
    for first in (0..size.subscribers).step_by(50) {
        let some = (first..(first + 50).min(size.subscribers)).map(|index| listen(index % size.customers));
        sockets.extend(join_all(some).await);
    }
    let mut listeners = JoinSet::new();
    for socket in sockets {
        listeners.spawn(follow(socket, Arc::clone(&ages)));
    }
    let (begin, mut sent) = (Instant::now(), 0_usize);
    let mut publishing = JoinSet::new();
    while begin.elapsed() < size.time {
        let due = (begin.elapsed().as_secs_f64() * size.rate as f64) as usize;
        while sent < due {
            publishing.spawn(publish(sent % size.customers));
            sent += 1;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    while publishing.join_next().await.is_some() {}
    let due = sent * size.subscribers / size.customers;
    let patience = Instant::now() + Duration::from_secs(30);
    while ages.lock().unwrap().len() < due && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = resident_kib(process);
    listeners.shutdown().await;
    let mut ages = ages.lock().unwrap().clone();
    ages.sort_unstable();
    let at = |share: f64| f64::from(ages[((ages.len() - 1) as f64 * share) as usize]) / 1000.0;
    Sample {
        kib_each: (after - before) / size.subscribers as f64,
        p50: at(0.5),
        p99: at(0.99),
        delivered: ages.len(),
        missing: due.saturating_sub(ages.len()),
    }
}

/// A server of ours, with customers.
struct Ours {
    server: Process,
    address: Arc<str>,
    api: Api,
    customers: Vec<String>,
    _network: NetworkProcess,
    _data: tempfile::TempDir,
}

impl Ours {
    async fn start(size: Size) -> Self {
        let (_network, _data) = (NetworkProcess::start(), tempfile::tempdir().unwrap());
        let environment =
            [("INTERFLOW_STREAMS_PER_KEY", "100000"), ("INTERFLOW_LOG", "interflow=error,error")];
        let (server, url) = _network.serve(_data.path(), &environment);
        let api = Api { http: reqwest::Client::new(), url: url.clone(), key: Some(KEY.to_owned()) };
        let mut customers = vec![];
        for index in 0..size.customers {
            let email = format!("{index}@example.com");
            let made = api.post("/v1/customers", json!({"email": email})).await.expect(201);
            customers.push(made["data"]["id"].as_str().unwrap().to_owned());
        }
        Self { server, address: url.strip_prefix("http://").unwrap().into(), api, customers, _network, _data }
    }

    /// Changes the name of a customer to the time.
    fn publish(&self, index: usize) -> impl Future<Output = ()> + Send + use<> {
        let (api, path) = (self.api.clone(), format!("/v1/customers/{}", self.customers[index]));
        async move {
            api.patch(&path, json!({"name": format!("sent at {}", micros())})).await.expect(200);
        }
    }
}

async fn server_sent(size: Size) -> Sample {
    let ours = Ours::start(size).await;
    let path = |index: usize| format!("/v1/events/stream?customer_id={}", ours.customers[index]);
    let listen = |index| listen(Arc::clone(&ours.address), path(index));
    round(size, ours.server.id(), listen, |index| ours.publish(index)).await
}

/// The floor's process.
struct Floor {
    child: Child,
    address: String,
}

impl Floor {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "--nocapture", "live::bench::floor_server"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("FLOOR ")?.1.to_owned()));
        Self { child, address: told.unwrap() }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn floor(size: Size) -> Sample {
    let floor = Floor::start();
    let http = reqwest::Client::new();
    let publish = |index: usize| {
        let call = http.post(format!("http://{}/{index}", floor.address));
        async move {
            let body = json!({"name": format!("sent at {}", micros()), "data": "x".repeat(500)}).to_string();
            call.body(body).send().await.unwrap();
        }
    };
    let address: Arc<str> = floor.address.as_str().into();
    let listen = |index| listen(Arc::clone(&address), format!("/{index}"));
    round(size, floor.child.id(), listen, publish).await
}

type Topics = Arc<Mutex<HashMap<usize, broadcast::Sender<String>>>>;

fn topic(topics: &Topics, number: usize) -> broadcast::Sender<String> {
    topics.lock().unwrap().entry(number).or_insert_with(|| broadcast::channel(1_000).0).clone()
}

/// Not a test: what [`floor`] runs as a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that bench-streams compares with"]
async fn floor_server() {
    async fn stream(State(topics): State<Topics>, Path(number): Path<usize>) -> Body {
        let told = topic(&topics, number).subscribe();
        let begin = Some("id: 0\n\n".to_owned());
        Body::from_stream(futures::stream::unfold((begin, told), |(begin, mut told)| async move {
            let text = match begin {
                Some(begin) => begin,
                None => told.recv().await.ok()?,
            };
            Some((Ok::<_, Infallible>(Bytes::from(text)), (None, told)))
        }))
    }
    async fn publish(State(topics): State<Topics>, Path(number): Path<usize>, body: String) {
        drop(topic(&topics, number).send(format!("id: 1\ndata: {body}\n\n")));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("FLOOR {}", listener.local_addr().unwrap());
    let router =
        axum::Router::new().route("/{number}", get(stream).post(publish)).with_state(Topics::default());
    axum::serve(listener, router).await.unwrap();
}

impl Size {
    fn asked_for() -> Self {
        Self {
            subscribers: number("BENCH_SUBSCRIBERS", 2_000),
            rate: number("BENCH_RATE", 200),
            time: Duration::from_secs(number("BENCH_SECONDS", 20) as u64),
            customers: number("BENCH_CUSTOMERS", 100),
        }
    }

    /// What rounds came to, as one line.
    fn report(self, bench: &str, rounds: &[(Sample, Sample)]) {
        let median = |of: fn(&(Sample, Sample)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2] * 100.0).round() / 100.0
        };
        let result: Value = json!({
            "bench": bench,
            "subscribers": self.subscribers,
            "events_per_second": self.rate,
            "deliveries_per_second": self.rate * self.subscribers / self.customers,
            "kib_per_subscriber": median(|(ours, _)| ours.kib_each),
            "floor_kib_per_subscriber": median(|(_, floor)| floor.kib_each),
            "p50_ms": median(|(ours, _)| ours.p50),
            "p99_ms": median(|(ours, _)| ours.p99),
            "floor_p99_ms": median(|(_, floor)| floor.p99),
            "p99_ratio_to_floor": median(|(ours, floor)| ours.p99 / floor.p99),
            "delivered": rounds.iter().map(|(ours, _)| ours.delivered).sum::<usize>(),
            "missing": rounds.iter().map(|(ours, _)| ours.missing).sum::<usize>(),
        });
        println!("{result}");
    }
}

/// Not a test: `make bench-streams`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark"]
async fn bench() {
    let size = Size::asked_for();
    let mut rounds = vec![];
    for index in 1..=number("BENCH_ROUNDS", 3) {
        let (ours, floor) = (server_sent(size).await, floor(size).await);
        println!("round {index}: ours {ours:?}\n         floor {floor:?}");
        rounds.push((ours, floor));
    }
    size.report("streams", &rounds);
}
