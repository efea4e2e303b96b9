//! A socket whose other side does not read is given up: what waits to be written takes memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep, sleep_until};

/// How long nothing may be taken of what is written.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is written to with bounded patience.
pub struct Patient<C> {
    connection: C,
    stuck: Option<Pin<Box<Sleep>>>,
    patience: Duration,
}

impl<C> Patient<C> {
    /// Over this connection.
    pub const fn new(connection: C) -> Self {
        Self { connection, stuck: None, patience: PATIENCE }
    }

    /// What came of a write; when it waits for too long, that it failed.
    fn judged<T>(
        stuck: &mut Option<Pin<Box<Sleep>>>,
        patience: Duration,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            *stuck = None;
            return written;
        }
        let timer = stuck.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + patience)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<C: Read + Unpin> Read for Patient<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, buffer)
    }
}

impl<C: Write + Unpin> Write for Patient<C> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { connection, stuck, patience } = self.get_mut();
        let written = Pin::new(connection).poll_write(context, bytes);
        Self::judged(stuck, *patience, context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { connection, stuck, patience } = self.get_mut();
        let written = Pin::new(connection).poll_write_vectored(context, bytes);
        Self::judged(stuck, *patience, context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { connection, stuck, patience } = self.get_mut();
        let flushed = Pin::new(connection).poll_flush(context);
        Self::judged(stuck, *patience, context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_reader_who_stops_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let patience = Duration::from_millis(20);
        let mut patient = Patient { connection: TokioIo::new(ours), stuck: None, patience };
        let mut write = async || {
            std::future::poll_fn(|context| Pin::new(&mut patient).poll_write(context, &[7; 16])).await
        };
        assert_eq!(write().await.unwrap(), 16);
        theirs.read_exact(&mut [0; 16]).await.unwrap();
        assert_eq!(write().await.unwrap(), 16);
        assert_eq!(write().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
