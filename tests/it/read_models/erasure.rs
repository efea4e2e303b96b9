//! What an erasure leaves: rows scrubbed in place are those that a rebuild makes of the erased events.

use interflow_application::log::{Event, RecordedEvent};
use interflow_domain::PERSONAL_MARK;
use serde_json::{Value, json};

use super::grouping::{Rows, rows};
use super::history::{Attempt, History};
use super::{apply, workspace};
use crate::support::database::Database;

// Apart from the ids that a history makes: `rows` leaves out the workspace's.
const SCRUBBED: u128 = 1_000_001;
const REBUILT: u128 = 1_000_002;

/// What forgetting everybody does to the rows of conversations.
const SCRUB: [&str; 2] = [
    "UPDATE messages SET phone = NULL, content = NULL WHERE workspace_id = $1",
    "UPDATE chats SET last_message_preview = NULL WHERE workspace_id = $1",
];

/// The same JSON after the keys of all its subjects were destroyed.
fn forgotten(value: Value) -> Value {
    match value {
        Value::Object(fields) => match fields.get(PERSONAL_MARK) {
            Some(form) => json!({ PERSONAL_MARK: { "s": form["s"], "erased": true } }),
            None => fields.into_iter().map(|(name, value)| (name, forgotten(value))).collect(),
        },
        Value::Array(values) => values.into_iter().map(forgotten).collect(),
        plain => plain,
    }
}

fn erased(recorded: &RecordedEvent) -> RecordedEvent {
    let payload = forgotten(recorded.event.to_json().unwrap());
    RecordedEvent { event: Event::from_json(recorded.stream, payload).unwrap(), ..recorded.clone() }
}

fn of_conversations(rows: Rows) -> Rows {
    rows.into_iter().filter(|(table, _)| ["chats", "messages"].contains(table)).collect()
}

#[tokio::test]
async fn a_rebuild_after_an_erasure_makes_the_conversations_that_the_erasure_left() {
    let attempts: Vec<Attempt> =
        (0..600_u32).map(|n| (n as u8, (n / 7) as u8, (n.wrapping_mul(2_654_435_761) >> 20) as u8)).collect();
    let events = History::of(&attempts).events;
    let database = Database::new().await;
    let mut connection = database.pool.acquire().await.unwrap();

    apply(&mut connection, workspace(SCRUBBED), &events).await;
    for statement in SCRUB {
        let scrub = sqlx::query(statement).bind(workspace(SCRUBBED).uuid());
        assert!(scrub.execute(&mut *connection).await.unwrap().rows_affected() > 0);
    }
    apply(&mut connection, workspace(REBUILT), &events.iter().map(erased).collect::<Vec<_>>()).await;

    let scrubbed = of_conversations(rows(&mut connection, SCRUBBED).await);
    assert_eq!(of_conversations(rows(&mut connection, REBUILT).await), scrubbed);

    let kinds = "SELECT DISTINCT kind FROM messages WHERE workspace_id = $1 ORDER BY kind";
    let kinds = sqlx::query_scalar::<_, String>(kinds).bind(workspace(REBUILT).uuid());
    assert_eq!(kinds.fetch_all(&mut *connection).await.unwrap(), ["text", "unsupported"]);
}
