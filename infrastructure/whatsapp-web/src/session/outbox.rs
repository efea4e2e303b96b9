//! The ordered queue from the engine's events to the sink.
//!
//! The engine calls us from whatever task has news and does not wait. Here it becomes one line: pushed in the order
//! we learned it, handed to the sink one at a time, and kept until the sink has it. The queue is bounded by not
//! reading the socket while it is full ([`Outbox::room`], see `transport`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use interflow_application::whatsapp::{InboundMessage, SessionSignal, SessionSink, SinkError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;

/// How many may wait before the socket is no longer read.
const HIGH_WATER: usize = 256;

/// What goes to the sink through the queue.
#[derive(Debug, Clone)]
pub(crate) enum Parcel {
    /// A change of the connection, or receipts.
    Signal(SessionSignal),
    /// Messages the phone decrypted for us: WhatsApp was told already, so they cannot come again.
    Recovered(Vec<InboundMessage>),
}

/// The queue. Closed when the session has ended and nothing more will be pushed.
#[derive(Debug)]
pub(crate) struct Outbox {
    parcels: Mutex<VecDeque<Parcel>>,
    /// How many wait or are being delivered.
    open: watch::Sender<usize>,
    closed: CancellationToken,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            parcels: Mutex::new(VecDeque::new()),
            open: watch::Sender::new(0),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn push(&self, signal: SessionSignal) {
        self.push_parcel(Parcel::Signal(signal));
    }

    pub(crate) fn push_parcel(&self, parcel: Parcel) {
        let mut parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        let before = parcels.len();
        if is_qr(&parcel) {
            // A newer QR replaces one nobody has seen.
            parcels.retain(|waiting| !is_qr(waiting));
        }
        parcels.push_back(parcel);
        let after = parcels.len();
        self.open.send_modify(|open| *open = *open + after - before);
    }

    /// Returns when there is room.
    pub(crate) async fn room(&self) {
        self.wait_for(|open| open < HIGH_WATER).await;
    }

    /// Nothing more will be pushed.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Hands everything to the sink, until the queue is closed and empty or `abandoned`.
    pub(crate) async fn deliver(&self, sink: Arc<dyn SessionSink>, abandoned: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = self.wait_for(|open| open > 0) => {}
                () = self.closed.cancelled() => return,
            }
            let next = self.parcels.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(parcel) = next else { return };
            if abandoned.run_until_cancelled(hand_over(&*sink, parcel)).await.is_none() {
                return;
            }
            self.open.send_modify(|open| *open -= 1);
        }
    }

    /// The signals that wait.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> Vec<SessionSignal> {
        let parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        let signal = |parcel: &Parcel| match parcel {
            Parcel::Signal(signal) => Some(signal.clone()),
            Parcel::Recovered(_) => None,
        };
        parcels.iter().filter_map(signal).collect()
    }

    async fn wait_for(&self, condition: impl Fn(usize) -> bool) {
        // The sender is `self`, so the channel cannot close while this waits.
        let _ = self.open.subscribe().wait_for(|open| condition(*open)).await;
    }
}

/// Gives the sink a parcel until it takes it.
async fn hand_over(sink: &dyn SessionSink, parcel: Parcel) {
    let mut backoff = Backoff::brisk();
    loop {
        let taken: Result<(), SinkError> = match parcel.clone() {
            Parcel::Signal(signal) => sink.signal(signal).await,
            Parcel::Recovered(messages) => sink.inbound(messages).await,
        };
        let Err(error) = taken else { return };
        let pause = backoff.pause();
        tracing::warn!(%error, ?pause, "a WhatsApp signal was not taken; it is handed over again");
        tokio::time::sleep(pause).await;
    }
}

fn is_qr(parcel: &Parcel) -> bool {
    matches!(parcel, Parcel::Signal(SessionSignal::QrIssued { .. }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn qr(code: &str) -> SessionSignal {
        SessionSignal::QrIssued { code: code.into(), valid_for: Duration::from_secs(20) }
    }

    #[tokio::test]
    async fn a_newer_qr_replaces_one_that_waits_and_a_full_queue_makes_the_socket_wait() {
        let outbox = Outbox::new();
        outbox.push(qr("old"));
        outbox.push(SessionSignal::QrExhausted);
        outbox.push(qr("new"));
        assert_eq!(outbox.waiting(), [SessionSignal::QrExhausted, qr("new")]);
        outbox.room().await;
        for _ in 2..HIGH_WATER {
            outbox.push(SessionSignal::QrExhausted);
        }
        assert!(tokio::time::timeout(Duration::from_millis(20), outbox.room()).await.is_err());
    }
}
