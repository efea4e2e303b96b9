//! What is left of a body when the answer is ready.
//!
//! A caller whose body is refused unread (too large, no key, no such route) is still writing it. Were the connection
//! closed under it, it would see a broken connection instead of the answer. So the rest is read, and thrown away, up
//! to a bound. Whoever waits for our word before sending (`Expect: 100-continue`) has nothing left to read.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

const MOST: usize = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads what nobody read of the body, before the answer goes out.
pub async fn leftover(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() || parts.headers.contains_key(header::EXPECT) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let shared = Shared(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(parts, Body::new(shared.clone()))).await;
    let stalled = response.status() == StatusCode::REQUEST_TIMEOUT;
    if !stalled && tokio::time::timeout(PATIENCE, drain(shared)).await.is_err() {
        tracing::debug!("the rest of a body did not come");
    }
    response
}

async fn drain(body: Shared) {
    let (mut body, mut seen) = (pin!(body), 0);
    while seen < MOST
        && let Some(Ok(frame)) = poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        seen += frame.data_ref().map_or(0, Bytes::len);
    }
}

/// A body that can be read on after the handler has let go of it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn with<T>(&self, read: impl FnOnce(&mut Body) -> T) -> T {
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.with(|body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}
