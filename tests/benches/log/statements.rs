//! Where the time goes: what pg_stat_statements saw of a piece of work, and the WAL it wrote.

use sqlx::{Executor, PgPool};

use crate::measure::Sample;

const SEEN: &str = "SELECT calls, total_exec_time + total_plan_time, wal_bytes::bigint, \
        left(regexp_replace(query, '\\s+', ' ', 'g'), 90) \
    FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
    ORDER BY 2 DESC LIMIT 14";

pub async fn print(pool: &PgPool, name: &str, work: impl Future<Output = Sample>) {
    pool.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await.unwrap();
    pool.execute("SELECT pg_stat_statements_reset()").await.unwrap();
    let before: i64 = wal(pool).await;
    let sample = work.await;
    let written = wal(pool).await - before;
    let seen: Vec<(i64, f64, i64, String)> = sqlx::query_as(SEEN).fetch_all(pool).await.unwrap();
    println!(
        "\n{name}: {:.0}/s, p50 {:.2} ms, WAL of the server in this time {written} bytes",
        sample.rate, sample.p50
    );
    println!("{:>8} {:>10} {:>9} {:>9}  statement", "calls", "ms", "µs/call", "WAL/call");
    for (calls, time, wal, statement) in seen {
        let each = time * 1e3 / calls as f64;
        println!("{calls:>8} {time:>10.1} {each:>9.1} {:>9}  {statement}", wal / calls);
    }
}

async fn wal(pool: &PgPool) -> i64 {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}
