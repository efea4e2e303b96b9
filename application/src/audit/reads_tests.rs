use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Keeps what it is told as a table would, and fails as long as it is told to.
#[derive(Default)]
struct Table {
    rows: Mutex<HashMap<Key, ReadEntry>>,
    writes: Mutex<usize>,
    fails: AtomicBool,
}

#[async_trait]
impl ReadStore for Table {
    async fn note(&self, _: Uuid, entries: &[ReadEntry]) -> Result<(), LogError> {
        let mut rows = self.rows.lock().unwrap();
        for entry in entries {
            let ReadEntry { workspace, minute, actor, resource, id, .. } = entry.clone();
            rows.insert(Key { workspace, minute, actor, resource, id }, entry.clone());
        }
        *self.writes.lock().unwrap() += entries.len();
        // Whether it was written nobody is told.
        if self.fails.load(Ordering::Relaxed) { Err(LogError::Unavailable("gone".into())) } else { Ok(()) }
    }

    async fn reads(&self, _: WorkspaceId, _: &ReadFilter, _: Stretch) -> Result<ReadsFound, LogError> {
        Ok(ReadsFound { entries: vec![], more_from: None })
    }

    async fn forget(&self, _: DateTime<Utc>, _: u32) -> Result<u64, LogError> {
        Ok(0)
    }
}

impl Table {
    /// Resource, id, reads, items of every row, in order.
    fn told(&self) -> Vec<(String, String, u64, u64)> {
        let rows = self.rows.lock().unwrap();
        let mut told: Vec<_> =
            rows.values().map(|row| (row.resource.clone(), row.id.clone(), row.reads, row.items)).collect();
        told.sort();
        told
    }
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn seen(id: &str, second: i64) -> Seen {
    Seen {
        workspace: WorkspaceId::default(),
        actor: "operator".to_owned(),
        resource: "customers".to_owned(),
        id: Some(id.to_owned()),
        items: 2,
        client: Some("203.0.113.7".parse().unwrap()),
        at: at(second),
    }
}

fn audit() -> (Arc<Table>, ReadAudit) {
    let table = Arc::new(Table::default());
    (Arc::clone(&table), ReadAudit::new(table, Uuid::nil(), true))
}

fn row(id: &str, reads: u64) -> (String, String, u64, u64) {
    ("customers".to_owned(), id.to_owned(), reads, 2 * reads)
}

#[tokio::test]
async fn what_is_seen_often_in_a_minute_is_one_entry() {
    let (table, audit) = audit();
    for second in [0, 10, 59, 60] {
        audit.saw(seen("a", second));
    }
    audit.saw(Seen { client: Some("203.0.113.8".parse().unwrap()), ..seen("a", 61) });
    audit.flush().await.unwrap();
    assert_eq!(table.told(), [row("a", 2), row("a", 3)]);
    let rows = table.rows.lock().unwrap();
    let first = rows.values().find(|row| row.minute == at(0)).unwrap();
    assert_eq!((first.first_at, first.last_at, first.clients.len()), (at(0), at(59), 1));
    assert_eq!(rows.values().find(|row| row.minute == at(60)).unwrap().clients.len(), 2);
}

#[tokio::test]
async fn counts_are_whole_whatever_is_written_when() {
    let (table, audit) = audit();
    audit.saw(seen("a", 0));
    audit.flush().await.unwrap();
    audit.saw(seen("a", 1));
    table.fails.store(true, Ordering::Relaxed);
    assert!(audit.flush().await.is_err(), "written, and nobody knows");
    audit.saw(seen("a", 2));
    table.fails.store(false, Ordering::Relaxed);
    audit.flush().await.unwrap();
    assert_eq!(table.told(), [row("a", 3)]);
    let before = *table.writes.lock().unwrap();
    audit.flush().await.unwrap();
    assert_eq!(*table.writes.lock().unwrap(), before, "what did not change is not written");
}

#[tokio::test]
async fn a_clock_that_is_set_back_takes_nothing_away() {
    let (table, audit) = audit();
    audit.saw(seen("a", 59));
    audit.saw(seen("a", 60));
    audit.flush().await.unwrap();
    audit.saw(seen("a", 5));
    audit.flush().await.unwrap();
    assert_eq!(table.told(), [row("a", 1), row("a", 2)]);
}

#[tokio::test]
async fn memory_is_bounded_and_nothing_goes_uncounted() {
    let (table, audit) = audit();
    for number in 0..ReadAudit::ENTRIES + 500 {
        audit.saw(seen(&format!("id {number}"), 0));
    }
    assert_eq!(audit.gathered().entries.len(), ReadAudit::ENTRIES + 1);
    audit.flush().await.unwrap();
    assert!(table.told().contains(&row(ReadAudit::MANY, 500)));
    audit.saw(seen("later", 60));
    audit.flush().await.unwrap();
    assert_eq!(audit.gathered().entries.len(), 1, "what is written and over is let go");
    let reads: u64 = table.told().iter().map(|(_, _, reads, _)| reads).sum();
    assert_eq!(reads, ReadAudit::ENTRIES as u64 + 501);
}

#[tokio::test]
async fn what_is_switched_off_notes_nothing() {
    let table = Arc::new(Table::default());
    let audit = ReadAudit::new(Arc::clone(&table) as Arc<dyn ReadStore>, Uuid::nil(), false);
    audit.saw(seen("a", 0));
    audit.flush().await.unwrap();
    assert!(table.told().is_empty());
}

#[tokio::test]
async fn what_must_not_be_shown_unnoted_is_written_down_before_and_whatever_is_set() {
    for enabled in [true, false] {
        let table = Arc::new(Table::default());
        let audit = ReadAudit::new(Arc::clone(&table) as Arc<dyn ReadStore>, Uuid::nil(), enabled);
        audit.saw_for_certain(seen("a", 1)).await.unwrap();
        assert_eq!(table.told(), [row("a", 1)]);
        table.fails.store(true, Ordering::Relaxed);
        assert!(audit.saw_for_certain(seen("a", 2)).await.is_err(), "and is not shown when it cannot be");
    }
}
