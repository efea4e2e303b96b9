//! Where the time goes: what pg_stat_statements saw of a piece of work, and the WAL it wrote.

use sqlx::{Executor, PgPool};

use crate::measure::Sample;

const SEEN: &str = "SELECT calls, plans, total_plan_time, total_exec_time, wal_bytes::bigint, \
        left(regexp_replace(query, '\\s+', ' ', 'g'), 70) \
    FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    ORDER BY total_plan_time + total_exec_time DESC LIMIT 14";

pub async fn print(pool: &PgPool, name: &str, work: impl Future<Output = Sample>) {
    pool.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.unwrap();
    pool.execute("SELECT pg_stat_statements_reset()").await.unwrap();
    let before: i64 = wal(pool).await;
    let sample = work.await;
    let written = (wal(pool).await - before) as f64 / sample.events;
    let seen: Vec<(i64, i64, f64, f64, i64, String)> = sqlx::query_as(SEEN).fetch_all(pool).await.unwrap();
    println!(
        "\n{name}: {:.0}/s, p50 {:.2} ms, CPU {:.0} + {:.0} µs, WAL of the server {written:.0} bytes an event",
        sample.rate, sample.p50, sample.cpu_client, sample.cpu_postgres
    );
    println!(
        "{:>8} {:>9} {:>7} {:>12} {:>12} {:>9}  statement",
        "calls", "an event", "plans", "plan µs/call", "exec µs/call", "WAL/call"
    );
    for (calls, plans, planning, executing, wal, statement) in seen {
        let (planning, executing) = (planning * 1e3 / calls as f64, executing * 1e3 / calls as f64);
        let each = calls as f64 / sample.events;
        let wal = wal / calls.max(1);
        println!(
            "{calls:>8} {each:>9.3} {plans:>7} {planning:>12.1} {executing:>12.1} {wal:>9}  {statement}"
        );
    }
}

async fn wal(pool: &PgPool) -> i64 {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}
