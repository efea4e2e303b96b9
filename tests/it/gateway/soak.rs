//! Random kills and faults over twenty instances, for as long as one likes: `make soak`.
//!
//! First the server is killed again and again; then one server lives through cuts and faults, and what it holds when
//! all has settled is compared with what it held after its warm-up. `SOAK_MINUTES` says how long, `SOAK_SEED` repeats
//! the choices of a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::inbound::log;
use crate::support::api::{Api, send_body};
use crate::support::lab::Lab;
use crate::support::say;

const INSTANCES: usize = 20;
/// What the caches of a server may still grow by after its warm-up; what is more leaks.
const ALLOWED_MEMORY: u64 = 24 * 1024;
const SETTLING: Duration = Duration::from_secs(240);

fn account(instance: usize) -> String {
    format!("55118880000{instance:02}")
}

fn customer(instance: usize) -> String {
    format!("55119990000{instance:02}")
}

/// Random numbers that a seed repeats (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How many messages each customer was sent, and has written.
type Counts = Vec<(usize, usize)>;

struct Load {
    api: Arc<RwLock<Api>>,
    stop: Arc<AtomicBool>,
    people: JoinSet<(usize, (usize, usize))>,
}

impl Load {
    /// Callers and customers go on from these counts.
    fn start(lab: &Lab, from: &Counts) -> Self {
        let (api, stop) = (Arc::new(RwLock::new(lab.api.clone())), Arc::new(AtomicBool::new(false)));
        let mut people = JoinSet::new();
        for (instance, (mut sent, mut written)) in from.iter().copied().enumerate() {
            let (api, stop, phones) = (Arc::clone(&api), Arc::clone(&stop), lab.phones.clone());
            people.spawn(async move {
                let mut random = Random(instance as u64 + 1);
                while !stop.load(Ordering::Relaxed) {
                    let (from, to, text) = (customer(instance), account(instance), written.to_string());
                    let writing = phones.write(&from, "Ana", &to, &text);
                    tokio::join!(writing, send_until_accepted(&api, instance, sent));
                    (sent, written) = (sent + 1, written + 1);
                    tokio::time::sleep(Duration::from_millis(700 + random.below(1000))).await;
                }
                (instance, (sent, written))
            });
        }
        Self { api, stop, people }
    }

    async fn stop(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts: Vec<_> = self.people.join_all().await;
        counts.sort_unstable();
        counts.into_iter().map(|(_, counts)| counts).collect()
    }
}

async fn send_until_accepted(api: &RwLock<Api>, instance: usize, number: usize) {
    let body = send_body(&format!("shop-{instance}"), &customer(instance), &number.to_string()).to_string();
    let key = format!("key-{instance}-{number}");
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", key.as_str())];
    loop {
        let api = api.read().unwrap().clone();
        let answer = api.try_call(Method::POST, "/v1/messages/send", &headers, Some(body.clone())).await;
        if answer.is_ok_and(|answer| answer.status.is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A fault, some cuts, every now and then; also a kill where that is asked for.
async fn break_things(
    lab: &mut Lab,
    load: &Load,
    random: &mut Random,
    kills: bool,
    time: Duration,
) -> (u32, u32) {
    let (begin, mut killed, mut cut) = (Instant::now(), 0, 0);
    while begin.elapsed() < time {
        let some = |random: &mut Random, most: u64| random.below(most + 1);
        let faults = json!({
            "ack_delay_ms": some(random, 400),
            "drop_acks": some(random, 2),
            "drop_messages": some(random, 2),
            "duplicate_inbound": some(random, 5),
            "duplicate_receipts": some(random, 10),
            "reorder_receipts": some(random, 10),
            "receipt_delay_ms": some(random, 200),
        });
        lab.phones.faults(faults).await;
        for _ in 0..=some(random, 3) {
            lab.phones.cut(&account(random.below(INSTANCES as u64) as usize)).await;
            cut += 1;
        }
        tokio::time::sleep(Duration::from_millis(1000 + random.below(3000))).await;
        if kills && random.below(3) == 0 {
            lab.server.kill();
            lab.restart();
            *load.api.write().unwrap() = lab.api.clone();
            killed += 1;
        }
    }
    (killed, cut)
}

/// Heals the network, and waits until nothing is under way any more; gives what is wrong.
async fn settle(lab: &Lab, counts: &Counts) -> Wrong {
    lab.phones.faults(json!({})).await;
    for instance in 0..INSTANCES {
        // Whoever waits for an acknowledgement that was dropped waits no longer.
        lab.phones.cut(&account(instance)).await;
    }
    let begin = Instant::now();
    loop {
        let wrong = look(lab, counts).await;
        if wrong.lost == 0 || begin.elapsed() > SETTLING {
            return wrong;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[derive(Debug, Default)]
struct Wrong {
    lost: usize,
    doubled: usize,
    disordered: usize,
}

impl Wrong {
    /// Compares what is there with the numbers from 0 that should be.
    fn count(&mut self, seen: &[String], expected: usize) {
        let numbers: Vec<usize> = seen.iter().map(|text| text.parse().unwrap()).collect();
        let mut times = BTreeMap::<usize, usize>::new();
        for number in &numbers {
            *times.entry(*number).or_default() += 1;
        }
        self.lost += (0..expected).filter(|number| !times.contains_key(number)).count();
        self.doubled += times.values().map(|times| times - 1).sum::<usize>();
        self.disordered += numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
    }
}

async fn look(lab: &Lab, counts: &Counts) -> Wrong {
    let (mut wrong, log) = (Wrong::default(), log(&lab.api).await);
    for (instance, (sent, written)) in counts.iter().enumerate() {
        wrong.count(&lab.phones.texts(&customer(instance)).await, *sent);
        wrong.count(log.get(&customer(instance)).map_or(&[][..], Vec::as_slice), *written);
    }
    wrong
}

/// What the server's process holds.
struct Held {
    kilobytes: u64,
    /// File handles that are no sockets.
    files: usize,
    /// Sockets by the kind that is expected to be constant: those to the network.
    connections: usize,
}

fn held(lab: &Lab) -> Held {
    let process = format!("/proc/{}", lab.server.id());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let open = std::fs::read_dir(format!("{process}/fd")).unwrap().flatten();
    let targets: Vec<_> = open.filter_map(|file| std::fs::read_link(file.path()).ok()).collect();
    Held {
        kilobytes: resident.trim().trim_end_matches(" kB").parse().unwrap(),
        files: targets.iter().filter(|target| !target.to_string_lossy().starts_with("socket:")).count(),
        connections: lab.network.sockets_of(lab.server.id()),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make soak"]
async fn soak() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<f64>().ok());
    let minutes = number("SOAK_MINUTES").unwrap_or(10.0);
    let seed = number("SOAK_SEED").map_or(u64::from(std::process::id()), |seed| seed as u64);
    say(&format!("soak: {minutes} minutes, SOAK_SEED={seed}"));
    let (mut random, time) = (Random(seed), Duration::from_secs_f64(minutes * 60.0));
    let mut lab = Lab::start();
    for instance in 0..INSTANCES {
        lab.pair(&format!("shop-{instance}"), &account(instance)).await;
    }
    let load = Load::start(&lab, &vec![(0, 0); INSTANCES]);
    let (kills, mut cuts) = break_things(&mut lab, &load, &mut random, true, time * 2 / 5).await;
    let counts = load.stop().await;
    let after_kills = settle(&lab, &counts).await;
    say(&format!("soak: after {kills} kills: {after_kills:?}"));

    lab.server.kill();
    lab.restart();
    let load = Load::start(&lab, &counts);
    cuts += break_things(&mut lab, &load, &mut random, false, time / 5).await.1;
    let counts = load.stop().await;
    settle(&lab, &counts).await;
    let warm = held(&lab);
    let load = Load::start(&lab, &counts);
    cuts += break_things(&mut lab, &load, &mut random, false, time * 2 / 5).await.1;
    let counts = load.stop().await;
    let Wrong { lost, doubled, disordered } = settle(&lab, &counts).await;
    let end = held(&lab);

    let memory = end.kilobytes.saturating_sub(warm.kilobytes + ALLOWED_MEMORY);
    let files = end.files.saturating_sub(warm.files) + end.connections.saturating_sub(INSTANCES);
    let sent: usize = counts.iter().map(|(sent, _)| sent).sum();
    let written: usize = counts.iter().map(|(_, written)| written).sum();
    say(&format!(
        "soak: seed {seed}, {sent} sends, {written} inbound, {kills} kills, {cuts} cuts; resident {} kB after warm-up, {} kB at the end",
        warm.kilobytes, end.kilobytes
    ));
    say(&format!(
        "soak: lost {lost}, doubled {doubled}, out of order {disordered}, leaked memory {memory} kB, leaked file handles {files}"
    ));
    assert_eq!((lost, doubled, disordered, memory, files), (0, 0, 0, 0, 0));
}
