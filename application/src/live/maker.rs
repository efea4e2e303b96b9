//! Makes of the events of a log, in order, what the outside is told of them.
//!
//! Portraits are folded on from event to event, so that a channel's or a customer's stream is read once, however many
//! of its messages follow.

use std::sync::Arc;

use interflow_domain::WorkspaceId;

use super::LiveEvent;
use crate::log::{EventLog, LogError, RecordedEvent, StreamId};
use crate::webhook::portrait::Portrait;
use crate::webhook::{Materials, Recent, Subject, catalogue};

/// How many portraits are kept: those of the conversations of the moment.
const PORTRAITS: usize = 2_000;

pub(super) struct Maker {
    log: Arc<dyn EventLog>,
    workspace: WorkspaceId,
    /// Up to where the portraits are those of the log.
    pub position: u64,
    portraits: Recent<StreamId, Subject>,
}

impl Maker {
    pub fn new(log: Arc<dyn EventLog>, workspace: WorkspaceId, position: u64) -> Self {
        Self { log, workspace, position, portraits: Recent::new(PORTRAITS) }
    }

    /// Forgets what it has seen: something of it was erased.
    pub fn forget(&mut self) {
        self.portraits.clear();
    }

    /// The next event of the log; nothing when it is told to nobody.
    pub async fn make(&mut self, recorded: RecordedEvent) -> Result<Option<Arc<LiveEvent>>, LogError> {
        let (stream, position) = (recorded.stream, recorded.position);
        let Some(public) = catalogue::public_type(&recorded.event) else {
            // What is not told may change how what follows looks.
            if let Some(folded) = self.portraits.get(stream).and_then(|known| fold(Some(known), &recorded)) {
                self.portraits.put(stream, folded, 1);
            }
            self.position = position;
            return Ok(None);
        };
        let subject = match self.portraits.get(stream) {
            Some(known) => fold(Some(known), &recorded),
            None if recorded.version == 1 => fold(None, &recorded),
            None => self.read(stream, position).await?,
        };
        let Some(subject) = subject else {
            self.position = position;
            return Ok(None);
        };
        let (channel, customer) = match &subject {
            Subject::Message(message) => {
                let between = &message.participants;
                (Some(between.instance_id), Some(between.customer_id))
            }
            Subject::Chat(chat) => (Some(chat.instance), Some(chat.customer)),
            Subject::Customer(_) | Subject::Channel(_) | Subject::Webhook(_) | Subject::Checkpoint(_) => {
                (None, None)
            }
        };
        let channel = match channel {
            Some(id) => match self.other(StreamId::Instance(id), position).await? {
                Some(Subject::Channel(channel)) => Some(*channel),
                _ => None,
            },
            None => None,
        };
        let customer = match customer {
            Some(id) => match self.other(StreamId::Customer(id), position).await? {
                Some(Subject::Customer(customer)) => Some(*customer),
                _ => None,
            },
            None => None,
        };
        // Last of all, so that a failure leaves everything as it was before the event.
        self.portraits.put(stream, subject.clone(), 1);
        self.position = position;
        let materials = Materials { recorded, subject, channel, customer };
        Ok(Some(Arc::new(LiveEvent::new(public, materials))))
    }

    /// What another stream looked like when the event was recorded.
    async fn other(&mut self, stream: StreamId, position: u64) -> Result<Option<Subject>, LogError> {
        if let Some(known) = self.portraits.get(stream) {
            return Ok(Some(known));
        }
        let read = self.read(stream, position).await?;
        if let Some(read) = &read {
            self.portraits.put(stream, read.clone(), 1);
        }
        Ok(read)
    }

    async fn read(&self, stream: StreamId, until: u64) -> Result<Option<Subject>, LogError> {
        let events = self.log.history(self.workspace, stream, 0, until, u32::MAX).await?;
        Ok(events.iter().fold(None, fold))
    }
}

fn fold(known: Option<Subject>, recorded: &RecordedEvent) -> Option<Subject> {
    fn on<P: Portrait>(known: Option<Box<P>>, recorded: &RecordedEvent) -> Option<Box<P>> {
        let mut portrait = known.map(|known| *known);
        P::fold(&mut portrait, recorded);
        portrait.map(Box::new)
    }
    macro_rules! of {
        ($kind:ident) => {{
            let known =
                known.and_then(|known| if let Subject::$kind(known) = known { Some(known) } else { None });
            on(known, recorded).map(Subject::$kind)
        }};
    }
    match recorded.stream {
        StreamId::Message(_) => of!(Message),
        StreamId::Chat(_) => of!(Chat),
        StreamId::Customer(_) => of!(Customer),
        StreamId::Instance(_) => of!(Channel),
        StreamId::Webhook(_) => of!(Webhook),
        StreamId::Checkpoint(_) => of!(Checkpoint),
        StreamId::Workspace(_) | StreamId::Job(_) => None,
    }
}
