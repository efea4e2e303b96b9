//! A transaction that has the head locked from its beginning, for whoever has more to do under the lock than to append.
//!
//! What is decided in it rests on what is read in it, so it loses no race; others of the workspace wait.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, Utc};
use interflow_application::log::{Append, AppendError, LogError, RecordedEvent, StreamId};
use interflow_application::wakeups::Wakeup;
use interflow_domain::{Subject, WorkspaceId};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::data_keys::{DataKeys, Keys, Slot};
use super::failure::Failure;
use super::group::{self, Answer, Head};
use super::prepared::Prepared;
use super::{Inner, PgEventLog, reader};

/// The bounds of an append, but for one thing: what is done here may be more. Sequential scans are allowed.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL statement_timeout = '5min'; \
     SET LOCAL idle_in_transaction_session_timeout = '15s'; \
     SET LOCAL jit = off";
const SHAKE: &str = "UPDATE heads SET erasures = erasures + 1 WHERE workspace_id = $1";

/// A transaction with a workspace's head locked.
pub(crate) struct Locked {
    inner: Arc<Inner>,
    transaction: Transaction<'static, Postgres>,
    workspace: WorkspaceId,
    head: Head,
    keys: Keys,
    appended: Vec<(Vec<Prepared>, Vec<Answer>)>,
}

impl PgEventLog {
    /// Locks the head of a workspace until the transaction is committed, or dropped.
    pub(crate) async fn lock(&self, workspace: WorkspaceId) -> Result<Locked, Failure> {
        let mut transaction = self.inner.pool.begin_with(BEGIN).await?;
        let head = group::lock(&mut transaction, workspace).await?;
        let inner = Arc::clone(&self.inner);
        Ok(Locked { inner, transaction, workspace, head, keys: Keys::new(), appended: vec![] })
    }
}

/// The data keys of addresses: those of API keys, by the names of their subjects.
const ADDRESSES: (&str, &str) = ("key_", "key`");

impl PgEventLog {
    /// Makes the log forget where callers called from in months that were over before this time, by destroying the keys
    /// of those months.
    pub async fn forget_addresses(&self, before: DateTime<Utc>) -> Result<(), LogError> {
        let date = before.date_naive();
        let month = date.with_day(1).unwrap_or(date);
        let mut connection = self.inner.pool.acquire().await.map_err(Failure::from)?;
        let workspaces = DataKeys::with_old(&mut connection, ADDRESSES, month).await?;
        drop(connection);
        for workspace in workspaces {
            let mut locked = self.lock(workspace).await?;
            let destroyed =
                DataKeys::destroy_old(&mut locked.transaction, workspace, ADDRESSES, month).await?;
            locked.shake().await?;
            locked.commit(true).await?;
            tracing::info!(%workspace, months = destroyed, "old addresses of callers were forgotten");
        }
        Ok(())
    }
}

impl Locked {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The generation of read models that is written.
    pub(crate) const fn generation(&self) -> i32 {
        self.head.generation
    }

    /// Every event of a stream.
    pub(crate) async fn events(&mut self, stream: StreamId) -> Result<Vec<RecordedEvent>, Failure> {
        let events = reader::stream(&mut self.transaction, &self.inner.keys, self.workspace, stream).await?;
        events.into_iter().map(reader::Opened::recorded).collect()
    }

    /// Destroys every data key of these subjects, and says which.
    pub(crate) async fn destroy_keys(&mut self, subjects: &[Subject]) -> Result<Vec<Uuid>, Failure> {
        let destroyed = DataKeys::destroy(&mut self.transaction, self.workspace, subjects).await?;
        self.shake().await?;
        Ok(destroyed)
    }

    /// Destroys the data keys of these subjects' months, and says how many.
    pub(crate) async fn destroy_slots(&mut self, slots: &[Slot]) -> Result<u64, Failure> {
        let destroyed = DataKeys::destroy_slots(&mut self.transaction, self.workspace, slots).await?;
        self.shake().await?;
        Ok(destroyed)
    }

    /// Counts an erasure.
    async fn shake(&mut self) -> Result<(), Failure> {
        sqlx::query(SHAKE).bind(self.workspace.uuid()).execute(&mut *self.transaction).await?;
        self.head.erasures += 1;
        Ok(())
    }

    /// Appends: decided under the lock, so what it says of versions is so. A command that was carried out before is the
    /// one thing it can be refused for.
    pub(crate) async fn append(&mut self, append: Append) -> Result<Vec<RecordedEvent>, AppendError> {
        let Inner { ids, claims, keys, .. } = &*self.inner;
        let group = vec![Prepared::new(append, &**ids, claims, keys)?];
        let staged =
            group::write(&self.inner, &mut self.transaction, self.workspace, self.head, &group).await;
        let group::Staged { mut answers, keys, head, .. } = staged.map_err(LogError::from)?;
        self.head = head;
        self.keys.extend(keys);
        match answers.pop() {
            Some(Ok(events)) => {
                self.appended.push((group, vec![Ok(events.clone())]));
                Ok(events)
            }
            Some(Err(refused)) => Err(refused),
            None => Err(LogError::from(Failure::unavailable("an append was not answered")).into()),
        }
    }

    /// Makes it durable. What this process remembers follows, and readers are woken; `erased` says that others must
    /// forget something too.
    pub(crate) async fn commit(self, erased: bool) -> Result<(), Failure> {
        let Self { inner, transaction, workspace, keys, appended, .. } = self;
        transaction.commit().await?;
        if erased {
            inner.cache.clear();
            inner.keys.forget();
        }
        inner.keys.remember(workspace, keys);
        for (group, answers) in &appended {
            if !erased {
                inner.cache.follow(workspace, group, answers);
            }
            inner.tell_readers(workspace, group, answers);
        }
        if erased {
            inner.settings.bell.ring([Wakeup::Erased { workspace }]);
        }
        Ok(())
    }
}
