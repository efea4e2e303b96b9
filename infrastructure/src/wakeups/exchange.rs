//! Telling other processes, and hearing them, over one connection that does nothing else.

use std::time::Duration;

use interflow_application::Backoff;
use interflow_application::wakeups::Wakeup;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Executor, PgPool};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::{Bell, payload};
use crate::database;

/// What the database calls the connection that listens.
pub const APPLICATION_NAME: &str = "interflow wake-ups";

const CHANNEL: &str = "interflow";
/// How far apart others are told.
const PAUSE: Duration = Duration::from_millis(5);
/// How far apart it is found out whether there is anybody to tell, while there is not.
const ALONE: Duration = Duration::from_secs(1);
/// How often everybody looks where nobody can be told: behind a pooler.
const POLL: Duration = Duration::from_secs(5);
/// A connection on which nothing was heard for so long is asked whether it still lives.
const SILENCE: Duration = Duration::from_secs(30);
/// How long the database may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
const RECONNECT: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) };

/// Tells nobody when no other node is alive. One that comes to life hereafter reads what there is by itself.
const TELL: &str = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS told(payload) \
     WHERE EXISTS (SELECT FROM nodes WHERE node_id <> $3 \
         AND heartbeat_at > clock_timestamp() - make_interval(secs => $4))";

/// Connects a [`Bell`] with those of the other processes, until it is stopped.
#[derive(Debug)]
pub struct Exchange {
    task: JoinHandle<()>,
}

impl Exchange {
    /// Begins, for this node; others are alive when their heartbeats are younger than `expiry`.
    ///
    /// Behind a pooler that lends connections for a transaction each nothing can be heard; there everybody who listens
    /// to the bell is sent to look every five seconds.
    #[must_use]
    pub fn start(bell: Bell, pool: &PgPool, node: Uuid, expiry: Duration) -> Self {
        if database::is_behind_a_pooler(pool) {
            return Self { task: tokio::spawn(poll(bell)) };
        }
        bell.0.untold.gather();
        let options = (*pool.connect_options()).clone().application_name(APPLICATION_NAME);
        let connection = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ANSWER)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        let telephone = Telephone { bell, connection, node, expiry };
        Self { task: tokio::spawn(telephone.run()) }
    }

    /// Ends it: nobody is told of anything any more.
    pub async fn stop(self) {
        self.task.abort();
        // It was cancelled; that is what was asked for.
        drop(self.task.await);
    }
}

async fn poll(bell: Bell) {
    loop {
        sleep(POLL).await;
        bell.hear(Wakeup::Lost);
    }
}

struct Telephone {
    bell: Bell,
    /// A pool of one, so that what it needs to connect is in one place.
    connection: PgPool,
    node: Uuid,
    expiry: Duration,
}

impl Telephone {
    async fn run(self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let Err(error) = self.call().await;
            // Whatever was told meanwhile was not heard.
            self.bell.hear(Wakeup::Lost);
            failures = if began.elapsed() > RECONNECT.cap { 0 } else { failures + 1 };
            tracing::debug!(%error, failures, "the connection for wake-ups was lost: waiting for polls meanwhile");
            sleep(RECONNECT.wait(failures)).await;
        }
    }

    /// One connection, from its beginning to its end.
    async fn call(&self) -> Result<std::convert::Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.connection).await?;
        // It is not to come back by itself: what is lost in between must be known.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let own: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut listener).await?;
        self.bell.hear(Wakeup::Lost);
        let mut next = Instant::now();
        loop {
            tokio::select! {
                heard = listener.try_recv() => {
                    let heard = heard?.ok_or(sqlx::Error::PoolClosed)?;
                    if heard.process_id() != own.cast_unsigned() {
                        payload::read(heard.payload()).for_each(|wakeup| self.bell.hear(wakeup));
                    }
                }
                () = async { sleep_until(next).await; self.bell.0.untold.some().await } => {
                    let told = self.tell(&mut listener).await?;
                    next = Instant::now() + if told { PAUSE } else { ALONE };
                }
                () = sleep(SILENCE) => {
                    answered(listener.execute("SELECT 1")).await?;
                }
            }
        }
    }

    /// Tells what there is to tell; says whether there was anybody.
    async fn tell(&self, listener: &mut PgListener) -> Result<bool, sqlx::Error> {
        let wakeups = self.bell.0.untold.take();
        let query = sqlx::query(TELL)
            .bind(CHANNEL)
            .bind(payload::write(&wakeups))
            .bind(self.node)
            .bind(self.expiry.as_secs_f64());
        match answered(query.execute(listener)).await {
            Ok(told) => Ok(told.rows_affected() > 0),
            Err(error) => {
                wakeups.into_iter().for_each(|wakeup| self.bell.0.untold.add(wakeup));
                Err(error)
            }
        }
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(ANSWER, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
