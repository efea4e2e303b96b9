//! cqrs-es's `EventStore` for one workspace, on top of the port: its framework and its tests run on our log.
//!
//! Use cases that touch several streams, need an expected version or a rider use the port itself.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::{AggregateContext, AggregateError, EventEnvelope, EventStore};
use interflow_application::log::{Append, AppendError, EventLog, LogError, StreamAppend, StreamId, Streamed};
use interflow_application::{Actor, Clock, Context};
use interflow_domain::WorkspaceId;

use super::{PgEventLog, log_error, reader};

/// The streams of one workspace, as cqrs-es sees them.
#[derive(Clone)]
pub struct CqrsStore {
    log: PgEventLog,
    workspace: WorkspaceId,
    actor: Actor,
    clock: Arc<dyn Clock>,
}

impl CqrsStore {
    /// A store whose appends are this actor's.
    #[must_use]
    pub fn new(log: PgEventLog, workspace: WorkspaceId, actor: Actor, clock: Arc<dyn Clock>) -> Self {
        Self { log, workspace, actor, clock }
    }

    /// What cqrs-es's metadata says of the circumstances; what it does not say is made up.
    fn context(&self, metadata: &HashMap<String, String>) -> Context {
        let request_id = metadata.get("request_id").cloned();
        let request_id = request_id.unwrap_or_else(|| self.log.inner.ids.next().to_string());
        let mut context = Context::internal(self.workspace, self.actor.clone(), request_id);
        context.causation = metadata.get("causation_id").and_then(|id| id.parse().ok());
        context
    }
}

/// An aggregate as it was loaded, and what a commit must find unchanged.
pub struct CqrsContext<A> {
    aggregate_id: String,
    stream: StreamId,
    version: u64,
    aggregate: A,
}

impl<A: Streamed> AggregateContext<A> for CqrsContext<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: Streamed> EventStore<A> for CqrsStore {
    type AC = CqrsContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = stream_of::<A>(aggregate_id)?;
        let inner = &self.log.inner;
        let mut connection = inner.pool.acquire().await.map_err(log_error).map_err(from_log)?;
        let events = reader::stream(&mut connection, &inner.keys, self.workspace, stream).await;
        let events = events.map_err(LogError::from).map_err(from_log)?;
        events
            .into_iter()
            .map(|event| {
                let sequence = sequence(event.version)?;
                let (payload, metadata) = event.typed().map_err(LogError::from).map_err(from_log)?;
                Ok(EventEnvelope { aggregate_id: aggregate_id.to_owned(), sequence, payload, metadata })
            })
            .collect()
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<CqrsContext<A>, AggregateError<A::Error>> {
        let stream = stream_of::<A>(aggregate_id)?;
        let loaded = self.log.load(self.workspace, stream).await.map_err(from_log)?;
        let aggregate = A::of(&loaded.state).map(|state| A::clone(state));
        let aggregate = aggregate.ok_or_else(|| unexpected("the log gave a state of another aggregate"))?;
        Ok(CqrsContext { aggregate_id: aggregate_id.to_owned(), stream, version: loaded.version, aggregate })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: CqrsContext<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(vec![]);
        }
        let CqrsContext { aggregate_id, stream, version, .. } = context;
        let part = StreamAppend {
            stream,
            expected: version,
            events: events.iter().cloned().map(Into::into).collect(),
            cause: None,
        };
        let append = Append {
            context: self.context(&metadata),
            recorded_at: self.clock.now(),
            streams: vec![part],
            claims: vec![],
            riders: vec![],
        };
        let recorded = self.log.append(append).await.map_err(from_append)?;
        recorded
            .iter()
            .zip(events)
            .map(|(recorded, payload)| {
                let sequence = sequence(recorded.version)?;
                let aggregate_id = aggregate_id.clone();
                Ok(EventEnvelope { aggregate_id, sequence, payload, metadata: metadata.clone() })
            })
            .collect()
    }
}

fn stream_of<A: Streamed>(aggregate_id: &str) -> Result<StreamId, AggregateError<A::Error>> {
    StreamId::parse(A::TYPE, aggregate_id).ok_or_else(|| unexpected("the aggregate's id is not of its kind"))
}

fn sequence<E: std::error::Error>(version: u64) -> Result<usize, AggregateError<E>> {
    usize::try_from(version).map_err(|error| AggregateError::UnexpectedError(Box::new(error)))
}

fn unexpected<E: std::error::Error>(what: &'static str) -> AggregateError<E> {
    AggregateError::UnexpectedError(what.into())
}

fn from_log<E: std::error::Error>(error: LogError) -> AggregateError<E> {
    match error {
        LogError::Unavailable(source) => AggregateError::DatabaseConnectionError(source),
        LogError::Corrupt(_) => AggregateError::DeserializationError(Box::new(error)),
    }
}

fn from_append<E: std::error::Error>(error: AppendError) -> AggregateError<E> {
    match error {
        AppendError::Conflict => AggregateError::AggregateConflict,
        AppendError::Log(error) => from_log(error),
        other => AggregateError::UnexpectedError(Box::new(other)),
    }
}
