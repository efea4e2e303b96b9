//! What every handler can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use interflow_application::gateway::Gateway;
use interflow_application::{AnswerStore, Core};

use crate::auth::Crowd;
use crate::idempotency::InFlight;

/// The ports and the settings of a server, shared by its handlers.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// Runs use cases and answers questions.
    pub core: Core,
    /// The WhatsApp sessions of this node.
    pub gateway: Gateway,
    /// Where repeated commands find their answers.
    pub answers: Arc<dyn AnswerStore>,
    /// The idempotency keys that are being worked on.
    pub in_flight: InFlight,
    /// The calls that are being served, by key.
    pub crowd: Crowd,
    /// Bounds.
    pub settings: Settings,
    stopping: AtomicBool,
}

/// Bounds of the HTTP face.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long a request may take.
    pub request_timeout: Duration,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a message may wait for WhatsApp before it is given up.
    pub send_deadline: Duration,
}

impl App {
    /// An app on these ports.
    #[must_use]
    pub fn new(core: Core, gateway: Gateway, answers: Arc<dyn AnswerStore>, settings: Settings) -> Self {
        let in_flight = InFlight::default();
        Self(Arc::new(Parts {
            core,
            gateway,
            answers,
            in_flight,
            crowd: Crowd::default(),
            settings,
            stopping: AtomicBool::new(false),
        }))
    }

    /// From now on the server is not ready.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server is on its way down.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
