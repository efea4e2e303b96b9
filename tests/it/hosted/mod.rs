//! A database that somebody else runs: over TLS, and behind a pooler that lends connections for a transaction each.
//!
//! The pooler is PgBouncer, which also speaks TLS for the Postgres behind it. Where it is not installed and cannot
//! be, these tests say so and are skipped (`scripts/ensure-pgbouncer`).

pub mod pooler;
mod tls;
mod transactions;
