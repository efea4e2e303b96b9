//! How fast a log is verified, against reading it.

use std::time::Instant;

use interflow_domain::WorkspaceId;
use interflow_infrastructure::proof::PgProofs;
use interflow_infrastructure::proof::verify::Against;
use serde_json::{Value, json};
use sqlx::{Executor as _, PgPool, Row as _};

use crate::measure::spread;
use crate::report::{Report, rounded, said};
use crate::{machine, memory};

pub async fn verifying(
    pool: &PgPool,
    proofs: &PgProofs,
    (workspace, rounds): (WorkspaceId, usize),
    report: &mut Report,
) -> Value {
    let begin = Instant::now();
    proofs.seal_up(workspace).await.unwrap();
    let sealed = begin.elapsed().as_secs_f64();
    machine::settle(pool).await;
    let (mut reads, mut verifies) = (vec![], vec![]);
    let (mut early, mut late) = (0.0, 0.0);
    let mut count = 0;
    for _ in 0..rounds {
        let begin = Instant::now();
        count = read(pool, workspace).await;
        reads.push(count as f64 / begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        let mut watch = |at: u64, of: u64| {
            if early == 0.0 && at > of / 10 {
                early = memory();
            }
            late = memory();
        };
        let verified = proofs.verify(workspace, &Against::default(), &mut watch).await.unwrap();
        assert_eq!((verified.events, verified.faults.len()), (count, 0));
        verifies.push(count as f64 / begin.elapsed().as_secs_f64());
    }
    let ratio = spread(verifies.iter().zip(&reads).map(|(verify, read)| verify / read));
    let (read, verify) = (spread(reads).median, spread(verifies).median);
    let backlog = count as f64 / sealed;
    report.line(&format!("\n| {count} events | a second |\n|---|---|"));
    report.line(&format!("| read, and nothing done with them | {read:.0} |"));
    report.line(&format!("| `audit verify` | {verify:.0} |"));
    report.line(&format!("| ratio, of rounds that alternate | {} |", said(ratio)));
    report.line(&format!("| sealed, when nobody had | {backlog:.0} |"));
    report.line(&format!(
        "\nMemory of the process after a tenth of the first round {early:.0} MiB, at the end of the last {late:.0} MiB."
    ));
    json!({
        "events": count,
        "seal_backlog_rate": backlog.round(),
        "read_rate": read.round(),
        "verify_rate": verify.round(),
        "ratio": rounded(ratio),
        "memory_mib_after_a_tenth": early.round(),
        "memory_mib_at_the_end": late.round(),
    })
}

/// Reads every event of a log as `verify` does, and does nothing with it.
async fn read(pool: &PgPool, workspace: WorkspaceId) -> u64 {
    const NEXT: &str = "SELECT position, event_id, aggregate_type, aggregate_id, sequence, event_type, event_version, timestamp, \
             metadata, payload \
         FROM events WHERE workspace_id = $1 AND position > $2 ORDER BY position LIMIT $3";
    const BATCH: i64 = 2048;
    let mut transaction = pool.begin().await.unwrap();
    transaction
        .execute(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off; \
             SET LOCAL enable_sort = off; SET LOCAL enable_incremental_sort = off",
        )
        .await
        .unwrap();
    let (mut after, mut count, mut bytes) = (0_i64, 0, 0);
    loop {
        let query = sqlx::query(NEXT).bind(workspace.uuid()).bind(after).bind(BATCH);
        let rows = query.fetch_all(&mut *transaction).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = last.get(0);
        count += rows.len() as u64;
        for row in &rows {
            bytes += row.get_unchecked::<&str, _>(8).len() + row.get_unchecked::<&str, _>(9).len();
        }
    }
    assert!(bytes > 0);
    count
}
