//! A sink that remembers in order, and fails when told to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use interflow_application::whatsapp::{InboundMessage, ReceiptKind, SessionSignal, SessionSink, SinkError};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct Recorder {
    signals: Mutex<Vec<SessionSignal>>,
    inbound: Mutex<Vec<InboundMessage>>,
    pub fail_inbound: AtomicU32,
    pub fail_signals: AtomicU32,
    pub refused_inbound: AtomicU32,
    news: Notify,
}

#[async_trait]
impl SessionSink for Recorder {
    async fn inbound(&self, messages: Vec<InboundMessage>) -> Result<(), SinkError> {
        if use_up(&self.fail_inbound) {
            self.refused_inbound.fetch_add(1, Ordering::SeqCst);
            return Err(SinkError("told to fail".into()));
        }
        self.inbound.lock().unwrap().extend(messages);
        self.news.notify_waiters();
        Ok(())
    }

    async fn signal(&self, signal: SessionSignal) -> Result<(), SinkError> {
        if use_up(&self.fail_signals) {
            return Err(SinkError("told to fail".into()));
        }
        self.signals.lock().unwrap().push(signal);
        self.news.notify_waiters();
        Ok(())
    }
}

fn use_up(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Recorder {
    pub fn signals(&self) -> Vec<SessionSignal> {
        self.signals.lock().unwrap().clone()
    }

    pub fn messages(&self) -> Vec<InboundMessage> {
        self.inbound.lock().unwrap().clone()
    }

    /// Forgets the signals so far, so that the next wait is for a new one.
    pub fn clear(&self) {
        self.signals.lock().unwrap().clear();
    }

    async fn wait<T>(&self, what: &str, found: impl Fn() -> Option<T>) -> T {
        let wait = async {
            loop {
                let news = self.news.notified();
                if let Some(found) = found() {
                    return found;
                }
                let _ = tokio::time::timeout(Duration::from_millis(100), news).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not come; {:?}; {:?}", self.signals(), self.messages()),
        }
    }

    /// The first signal for which `pick` has an answer.
    pub async fn signal_of<T>(&self, what: &str, pick: impl Fn(&SessionSignal) -> Option<T>) -> T {
        self.wait(what, || self.signals().iter().find_map(&pick)).await
    }

    pub async fn qr(&self) -> (String, Duration) {
        self.signal_of("a QR", |signal| match signal {
            SessionSignal::QrIssued { code, valid_for } => Some((code.clone(), *valid_for)),
            _ => None,
        })
        .await
    }

    pub async fn connected(&self) -> SessionSignal {
        self.signal_of("the connection", |signal| {
            matches!(signal, SessionSignal::Connected { .. }).then(|| signal.clone())
        })
        .await
    }

    pub async fn disconnected(&self) -> SessionSignal {
        self.signal_of("the disconnection", |signal| {
            matches!(signal, SessionSignal::Disconnected { .. }).then(|| signal.clone())
        })
        .await
    }

    pub async fn logged_out(&self) -> SessionSignal {
        self.signal_of("the logout", |signal| {
            matches!(signal, SessionSignal::LoggedOut { .. }).then(|| signal.clone())
        })
        .await
    }

    pub async fn receipt(&self, id: &str, wanted: ReceiptKind) {
        self.signal_of(&format!("the receipt {wanted:?} of {id}"), |signal| match signal {
            SessionSignal::Receipts { whatsapp_ids, kind, .. } => {
                (*kind == wanted && whatsapp_ids.iter().any(|other| other == id)).then_some(())
            }
            _ => None,
        })
        .await;
    }

    pub async fn inbound(&self, count: usize) -> Vec<InboundMessage> {
        self.wait("the messages", || Some(self.messages()).filter(|messages| messages.len() >= count)).await
    }
}
