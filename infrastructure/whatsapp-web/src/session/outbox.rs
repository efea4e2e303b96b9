//! The ordered queue from the engine's events to the sink.
//!
//! The engine calls us from whatever task has news and does not wait. Here it becomes one line: pushed in the order
//! we learned it, handed to the sink one at a time, and kept until the sink has it. The queue is bounded by not
//! reading the socket while it is full ([`Outbox::room`], see `transport`), and nothing is said to WhatsApp before the
//! sink has what WhatsApp had said until then ([`Outbox::taken`]).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use interflow_application::whatsapp::{InboundMessage, SessionSignal, SessionSink, SinkError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;

/// How many may wait before the socket is no longer read.
const HIGH_WATER: usize = 256;
/// How many may wait before what is of the moment alone is left out.
const BUSY: usize = 32;
/// How many receipts may become one.
const RECEIPTS: usize = 256;

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
    progress: watch::Sender<Progress>,
    closed: CancellationToken,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// How many wait or are being delivered.
    open: usize,
    /// How many the sink has, or needs no more.
    done: u64,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            parcels: Mutex::new(VecDeque::new()),
            progress: watch::Sender::default(),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn push(&self, signal: SessionSignal) {
        self.push_parcel(Parcel::Signal(signal));
    }

    pub(crate) fn push_parcel(&self, parcel: Parcel) {
        let mut parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        if is_activity(&parcel) && parcels.len() >= BUSY {
            return;
        }
        let before = parcels.len();
        if is_qr(&parcel) {
            // A newer QR replaces one nobody has seen.
            parcels.retain(|waiting| !is_qr(waiting));
        }
        let replaced = before - parcels.len();
        let Some(parcel) = joined(&mut parcels, parcel) else { return };
        parcels.push_back(parcel);
        self.progress.send_modify(|progress| {
            progress.open = progress.open + 1 - replaced;
            progress.done += replaced as u64;
        });
    }

    /// Returns when there is room.
    pub(crate) async fn room(&self) {
        self.wait_for(|progress| progress.open < HIGH_WATER).await;
    }

    /// Returns when the sink has everything that was pushed before this was called.
    pub(crate) async fn taken(&self) {
        let Progress { open, done } = *self.progress.borrow();
        let all = done + open as u64;
        self.wait_for(|progress| progress.done >= all).await;
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
                () = self.wait_for(|progress| progress.open > 0) => {}
                () = self.closed.cancelled() => return,
            }
            let next = self.parcels.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(parcel) = next else { return };
            if abandoned.run_until_cancelled(hand_over(&*sink, parcel)).await.is_none() {
                return;
            }
            self.progress.send_modify(|progress| {
                progress.open -= 1;
                progress.done += 1;
            });
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

    async fn wait_for(&self, condition: impl Fn(&Progress) -> bool) {
        // The sender is `self`, so the channel cannot close while this waits.
        let _ = self.progress.subscribe().wait_for(condition).await;
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

/// Joins receipts with those of their kind and moment that wait behind the last signal of another sort; gives back
/// what has to wait by itself.
fn joined(parcels: &mut VecDeque<Parcel>, parcel: Parcel) -> Option<Parcel> {
    let Parcel::Signal(SessionSignal::Receipts { whatsapp_ids, kind, at }) = parcel else {
        return Some(parcel);
    };
    for waiting in parcels.iter_mut().rev() {
        let Parcel::Signal(SessionSignal::Receipts { whatsapp_ids: ids, kind: k, at: a }) = waiting else {
            break;
        };
        if (*k, *a) == (kind, at) && ids.len() + whatsapp_ids.len() <= RECEIPTS {
            ids.extend(whatsapp_ids);
            return None;
        }
    }
    Some(Parcel::Signal(SessionSignal::Receipts { whatsapp_ids, kind, at }))
}

fn is_qr(parcel: &Parcel) -> bool {
    matches!(parcel, Parcel::Signal(SessionSignal::QrIssued { .. }))
}

const fn is_activity(parcel: &Parcel) -> bool {
    matches!(parcel, Parcel::Signal(SessionSignal::Activity { .. }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use interflow_application::whatsapp::ReceiptKind;

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
    fn receipts(ids: &[&str], kind: ReceiptKind) -> SessionSignal {
        let whatsapp_ids = ids.iter().map(ToString::to_string).collect();
        SessionSignal::Receipts { whatsapp_ids, kind, at: chrono::DateTime::UNIX_EPOCH }
    }

    #[test]
    fn receipts_of_one_moment_wait_as_one_and_overtake_no_signal() {
        let outbox = Outbox::new();
        outbox.push(receipts(&["A"], ReceiptKind::Delivered));
        outbox.push(SessionSignal::QrExhausted);
        outbox.push(receipts(&["B"], ReceiptKind::Delivered));
        outbox.push(receipts(&["B"], ReceiptKind::Read));
        outbox.push(receipts(&["C", "D"], ReceiptKind::Delivered));
        let expected = [
            receipts(&["A"], ReceiptKind::Delivered),
            SessionSignal::QrExhausted,
            receipts(&["B", "C", "D"], ReceiptKind::Delivered),
            receipts(&["B"], ReceiptKind::Read),
        ];
        assert_eq!(outbox.waiting(), expected);
    }

    #[tokio::test]
    async fn everything_pushed_until_now_is_waited_for_and_nothing_later() {
        let outbox = Outbox::new();
        outbox.taken().await;
        outbox.push(qr("seen by nobody"));
        outbox.push(qr("new"));
        let (mut now, later) = (Box::pin(outbox.taken()), SessionSignal::QrExhausted);
        assert!(futures::poll!(&mut now).is_pending());
        outbox.push(later);
        outbox.progress.send_modify(|progress| {
            progress.open -= 1;
            progress.done += 1;
        });
        now.await;
        assert!(futures::poll!(Box::pin(outbox.taken())).is_pending());
    }
}
