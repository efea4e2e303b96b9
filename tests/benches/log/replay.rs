//! Replay: every event of a long log read in order, decoded and folded into its stream's state, against
//! `COPY … TO STDOUT` of the same rows through psql.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use chrono::TimeDelta;
use futures::stream::{self, StreamExt as _};
use interflow_application::log::{Append, Event, EventLog, State, StreamAppend, StreamId};
use interflow_application::{Actor, Clock, Context, Ids};
use interflow_domain::message::{Content, ContentType, MessageEvent, Participants};
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, Personal, Subject, WorkspaceId};
use interflow_infrastructure::clock::{SystemClock, SystemIds};
use interflow_infrastructure::event_log::PgEventLog;
use sqlx::PgPool;

use crate::machine::{Cpu, Machine};

/// The lives of so many messages in one append.
const TOGETHER: usize = 60;
/// Events read at once.
const PAGE: u32 = 5_000;
/// Pages read ahead.
const AHEAD: usize = 3;

/// What replaying came to, in events a second.
pub struct Replay {
    pub events: u64,
    pub replay: f64,
    pub copy: f64,
    /// Processor time of each, in seconds.
    pub replay_cpu: Cpu,
    pub copy_cpu: Cpu,
    /// The process's memory after a tenth of the events and after all, in MiB.
    pub memory: (f64, f64),
}

/// Writes the log once; every round reads it.
pub async fn fill(log: &PgEventLog, workspace: WorkspaceId, events: u64) {
    let customers: Vec<_> = (0..1_000).map(|_| CustomerId::new(SystemIds.next())).collect();
    let mut written = 0;
    while written < events {
        let appends = (0..16).map(|part| {
            let customer = customers[(written as usize / 4 + part) % customers.len()];
            log.append(lives(workspace, customer))
        });
        for recorded in futures::future::join_all(appends).await {
            written += recorded.unwrap().len() as u64;
        }
    }
}

/// Messages that are queued, sent, delivered and read: one event in four holds personal values.
fn lives(workspace: WorkspaceId, customer_id: CustomerId) -> Append {
    let subject = Subject::Customer(customer_id);
    let at = SystemClock.now();
    let streams = (0..TOGETHER).map(|_| {
        let message_id = MessageId::new(SystemIds.next());
        let participants =
            Participants { chat_id: ChatId::default(), instance_id: InstanceId::default(), customer_id };
        let text = "The parcel with your order is on its way to you.".parse().unwrap();
        let queued = MessageEvent::MessageQueued {
            message_id,
            participants,
            to: Personal::new(subject, "5511999990000".parse().unwrap()),
            content: Personal::new(subject, Content::Text { text }),
            content_type: ContentType::Text,
            whatsapp_id: format!("3EB0{}", message_id.uuid().simple()),
            reply_to: None,
            deadline: at + TimeDelta::hours(1),
            job_id: None,
        };
        let events = [
            queued,
            MessageEvent::MessageSent { at },
            MessageEvent::MessageDelivered { at },
            MessageEvent::MessageRead { at },
        ];
        StreamAppend {
            stream: StreamId::Message(message_id),
            expected: 0,
            events: events.map(Event::from).to_vec(),
            cause: None,
        }
    });
    Append {
        context: Context::internal(workspace, Actor::System("bench"), "req_bench".to_owned()),
        recorded_at: at,
        streams: streams.collect(),
        claims: vec![],
        riders: vec![],
    }
}

/// Reads it all, and copies it all.
pub async fn round(machine: &Machine, log: &PgEventLog, workspace: WorkspaceId, events: u64) -> Replay {
    let (before, begin) = (machine.cpu(), Instant::now());
    let (replayed, early) = replay(log, workspace, events / 10).await;
    let replay = replayed as f64 / begin.elapsed().as_secs_f64();
    let replay_cpu = machine.cpu().since(before);
    let late = memory();
    let (before, begin) = (machine.cpu(), Instant::now());
    copy(machine, workspace).await;
    let copy = replayed as f64 / begin.elapsed().as_secs_f64();
    let copy_cpu = machine.cpu().since(before);
    Replay { events: replayed, replay, copy, replay_cpu, copy_cpu, memory: (early, late) }
}

async fn replay(log: &PgEventLog, workspace: WorkspaceId, early: u64) -> (u64, f64) {
    // What is folded is kept while its stream goes on, as a projection does: a message that was read is done.
    let mut states: HashMap<StreamId, State> = HashMap::new();
    let (mut position, mut done, mut memory_early) = (0, 0_u64, 0.0);
    // Positions have no gap, so where a page begins is known before the one ahead of it is there: while one is
    // folded the next are read and decoded, each in a task of its own.
    let mut pages = stream::iter(0_u64..)
        .map(|page| {
            let log = log.clone();
            let read = async move { log.read(workspace, page * u64::from(PAGE), PAGE).await.unwrap() };
            async { tokio::spawn(read).await.unwrap() }
        })
        .buffered(AHEAD);
    while let Some(page) = pages.next().await {
        let Some(last) = page.last() else { break };
        assert_eq!(page[0].position, position + 1);
        position = last.position;
        for recorded in page {
            let ended = matches!(recorded.event, Event::Message(MessageEvent::MessageRead { .. }));
            let state = states.entry(recorded.stream).or_insert_with(|| State::initial(recorded.stream));
            state.apply(recorded.event);
            if ended {
                states.remove(&recorded.stream);
                done += 1;
            }
        }
        if memory_early == 0.0 && position >= early {
            memory_early = memory();
        }
    }
    assert_eq!(done * 4, position, "every message was folded to its end");
    (position, memory_early)
}

async fn copy(machine: &Machine, workspace: WorkspaceId) {
    let psql = machine.program("psql").expect("psql");
    let connection = machine.postgres.connection();
    let sql = format!(
        "COPY (SELECT * FROM events WHERE workspace_id = '{}' ORDER BY position) TO STDOUT",
        workspace.uuid()
    );
    let mut command = Command::new(psql);
    command
        .args(["-X", "-q", "-c", &sql, "-h"])
        .arg(&connection.socket_dir)
        .args(["-p", &connection.port.to_string(), "-U", &connection.user, "-d", &connection.database])
        .stdout(Stdio::null());
    let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
    assert!(status.success());
}

/// What this process has in memory, in MiB.
fn memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

/// The log that is replayed is its own workspace's.
pub async fn workspace(pool: &PgPool) -> WorkspaceId {
    let workspace = WorkspaceId::new(SystemIds.next());
    sqlx::query("ANALYZE events").execute(pool).await.unwrap();
    workspace
}
