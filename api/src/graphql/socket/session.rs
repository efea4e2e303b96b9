//! A socket, from its first word to its last.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response, Value};
use axum::Error;
use axum::extract::ws::{Message, WebSocket};
use futures::future::{AbortHandle, Abortable};
use futures::stream::{self, BoxStream, SelectAll};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::greeting::Visitor;
use super::message::{Answer, Close, Payload, Positions, Said, read};
use super::operation::{Progress, answers};
use super::{greeting, refusal};
use crate::auth::{Caller, Pass, admit};
use crate::error::{ApiError, Code, Failure};
use crate::graphql::errors::{complete, server_error};
use crate::state::App;

/// How many times a client may leave it unanswered whether it is there.
const UNANSWERED: u32 = 2;
/// How much is written at once.
const CHUNK_BYTES: usize = 32 * 1024;
/// Most operations under way on a socket.
const MOST: usize = 100;
/// How long the other side may take to close.
const FAREWELL: Duration = Duration::from_secs(2);

/// What an operation says: an answer, or that there are no more.
type Step = (Arc<str>, Option<Response>);

struct Operation {
    progress: Arc<Progress>,
    abort: AbortHandle,
}

/// A socket that is open.
pub struct Session {
    app: App,
    socket: WebSocket,
    visitor: Visitor,
    /// Who the client said it is.
    caller: Option<Caller>,
    operations: HashMap<Arc<str>, Operation>,
    steps: SelectAll<BoxStream<'static, Step>>,
    unanswered: u32,
}

/// Why a session ends: with a word, or because the other side is gone.
type Ended = Option<Close>;

impl Session {
    /// Over this socket, with whoever opened it.
    pub fn new(app: App, socket: WebSocket, visitor: Visitor) -> Self {
        let (operations, steps) = (HashMap::new(), SelectAll::new());
        Self { app, socket, visitor, caller: None, operations, steps, unanswered: 0 }
    }

    /// Serves until either side ends it.
    pub async fn run(mut self) {
        let stopping = self.app.streams.stopping.clone();
        let served = async {
            match self.greet().await {
                Ok(()) => self.serve().await,
                Err(ended) => Err(ended),
            }
        };
        let ended =
            stopping.run_until_cancelled(served).await.unwrap_or_else(|| Err(Some(Close::stopping())));
        match ended {
            Err(Some(close)) => {
                tracing::debug!(code = close.code, reason = close.reason, "a socket is closed");
                self.leave(close).await;
            }
            // The client's own good-bye is answered, or it would take the connection for broken.
            Err(None) | Ok(()) => drop(timeout(FAREWELL, self.flush()).await),
        }
    }

    /// Waits for the client to say who it is, for a heartbeat.
    async fn greet(&mut self) -> Result<(), Ended> {
        let until = Instant::now() + self.app.settings.stream_heartbeat;
        loop {
            let said = timeout_at(until, self.hear()).await.map_err(|_| Some(Close::silent()))??;
            match said {
                Said::ConnectionInit { payload } => {
                    let shown = greeting::of_payload(&payload.unwrap_or_default());
                    if !shown.is_empty() {
                        self.visitor.shown = shown;
                    }
                    break;
                }
                Said::Ping => self.tell(&Answer::Pong).await?,
                Said::Pong => {}
                Said::Subscribe { .. } | Said::Complete { .. } => return Err(Some(Close::unacknowledged())),
            }
        }
        let admitted = admit(&self.app, &self.visitor.shown).await;
        let admitted = admitted.map_err(|refused| Some(Close::refused(&refusal(refused))))?;
        self.caller = Some(admitted.caller);
        self.tell(&Answer::ConnectionAck).await
    }

    async fn serve(&mut self) -> Result<(), Ended> {
        let heartbeat = self.app.settings.stream_heartbeat;
        let mut keep_alive = interval_at(Instant::now() + heartbeat, heartbeat);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = self.socket.next() => if let Some(said) = heard_of(heard)? {
                    self.heed(said).await?;
                },
                Some(step) = self.steps.next(), if !self.steps.is_empty() => self.pass_on(step).await?,
                _ = keep_alive.tick() => self.look_after().await?,
            }
        }
    }

    /// The next thing that the client says.
    async fn hear(&mut self) -> Result<Said, Ended> {
        loop {
            if let Some(said) = heard_of(self.socket.next().await)? {
                return Ok(said);
            }
        }
    }

    async fn heed(&mut self, said: Said) -> Result<(), Ended> {
        self.unanswered = 0;
        match said {
            Said::ConnectionInit { .. } => Err(Some(Close::greeted_twice())),
            Said::Ping => self.tell(&Answer::Pong).await,
            Said::Pong => Ok(()),
            Said::Complete { id } => {
                self.forget(&id);
                Ok(())
            }
            Said::Subscribe { id, payload } => self.begin(id, *payload).await,
        }
    }

    async fn begin(&mut self, id: String, request: Request) -> Result<(), Ended> {
        if self.operations.contains_key(id.as_str()) {
            return Err(Some(Close::duplicate(&id)));
        }
        if self.operations.len() >= MOST {
            let error = ApiError::new(
                Code::Unavailable,
                format!("{MOST} operations are under way on this socket, which is the most"),
            );
            return self.tell(&Answer::Error { id: &id, payload: &[server_error(error)] }).await;
        }
        let id: Arc<str> = id.into();
        let progress = Arc::<Progress>::default();
        let (abort, registration) = AbortHandle::new_pair();
        let answers = answers(self.app.clone(), self.visitor.clone(), request, Arc::clone(&progress));
        let steps = {
            let (of, last) = (Arc::clone(&id), Arc::clone(&id));
            answers
                .map(move |answer| (Arc::clone(&of), Some(answer)))
                .chain(stream::once(async move { (last, None) }))
        };
        self.steps.push(Abortable::new(steps, registration).boxed());
        self.operations.insert(id, Operation { progress, abort });
        Ok(())
    }

    fn forget(&mut self, id: &str) {
        if let Some(operation) = self.operations.remove(id) {
            operation.abort.abort();
        }
    }

    /// Passes an answer on, and what else is there already.
    async fn pass_on(&mut self, step: Step) -> Result<(), Ended> {
        let (mut next, mut written) = (Some(step), 0);
        while let Some((id, answer)) = next {
            written += match answer {
                Some(answer) => self.answer(&id, answer).await?,
                None => {
                    self.operations.remove(&id);
                    self.write(&Answer::Complete { id: &id }).await?
                }
            };
            next = if written < CHUNK_BYTES { self.steps.next().now_or_never().flatten() } else { None };
        }
        self.flush().await
    }

    async fn answer(&mut self, id: &Arc<str>, mut answer: Response) -> Result<usize, Ended> {
        note(complete(&mut answer));
        let progress = self.operations.get(id).map(|operation| Arc::clone(&operation.progress));
        let ended = progress.as_deref().and_then(Progress::ended);
        let failed = answer.data == Value::Null && !answer.errors.is_empty();
        let written = if failed {
            self.forget(id);
            self.write(&Answer::Error { id, payload: &answer.errors }).await?
        } else {
            let payload = Payload { data: &answer.data, errors: &answer.errors };
            self.write(&Answer::Next { id, payload }).await?
        };
        match ended {
            Some(end) => Err(Some(Close::ended(end.code, &end.message))),
            None => Ok(written),
        }
    }

    /// Whether the client is there, and may be.
    async fn look_after(&mut self) -> Result<(), Ended> {
        if self.unanswered >= UNANSWERED {
            return Err(Some(Close::gone()));
        }
        self.unanswered += 1;
        // What is subscribed to looks after its key itself.
        if self.operations.is_empty()
            && let Some(caller) = self.caller
        {
            let pass = Pass::of(caller, &self.visitor.shown).map_err(|_| None)?;
            pass.check(&self.app, None).await.map_err(|error| Some(Close::refused(&error)))?;
        }
        let operations = self.operations.iter();
        let positions = operations
            .filter_map(|(id, operation)| Some((id.to_string(), operation.progress.position()?)))
            .collect();
        self.tell(&Answer::Ping { payload: Positions { positions } }).await
    }

    async fn tell(&mut self, answer: &Answer<'_>) -> Result<(), Ended> {
        self.write(answer).await?;
        self.flush().await
    }

    /// Writes a message, to be flushed; returns its length.
    async fn write(&mut self, answer: &Answer<'_>) -> Result<usize, Ended> {
        let text = serde_json::to_string(answer).map_err(|_| None)?;
        let length = text.len();
        self.socket.feed(Message::Text(text.into())).await.map_err(|_| None)?;
        Ok(length)
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        self.socket.flush().await.map_err(|_| None)
    }

    /// Says why, and waits a moment for the client to close in turn: what is on its way to it must not be lost.
    async fn leave(mut self, close: Close) {
        self.steps.clear();
        let left = async {
            self.socket.send(Message::Close(Some(close.clone().into()))).await.ok()?;
            while let Some(Ok(_)) = self.socket.next().await {}
            // What a client goes on writing is not read; were the socket gone, it would not read this.
            if close.code == Close::TOO_LARGE {
                std::future::pending::<()>().await;
            }
            Some(())
        };
        drop(timeout(FAREWELL, left).await);
    }
}

/// What came, unless it was nothing that is said; or that the other side is gone.
fn heard_of(heard: Option<Result<Message, Error>>) -> Result<Option<Said>, Ended> {
    match heard {
        Some(Ok(Message::Text(text))) => read(&text).map(Some).map_err(Some),
        Some(Ok(Message::Binary(_))) => Err(Some(Close::invalid("it is not text"))),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Ok(Message::Close(_))) | None => Err(None),
        // The library tells its own errors apart by their text alone.
        Some(Err(error)) if error.to_string().starts_with("Space limit exceeded") => {
            Err(Some(Close::too_large()))
        }
        Some(Err(_)) => Err(None),
    }
}

/// Logs a fault of ours.
fn note(failure: Option<Failure>) {
    if let Some(Failure { code: Code::Internal, cause }) = failure {
        let cause = cause.as_deref().unwrap_or("unknown");
        tracing::error!(cause, "an operation on a socket failed");
    }
}
