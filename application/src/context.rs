//! Who asks, for which workspace, and because of what: recorded with every event.

use std::fmt;
use std::net::IpAddr;

use interflow_domain::{EventId, InstanceId, KeyId, WorkspaceId};

use crate::{Command, Trace};

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A caller, by the key it showed.
    Key(KeyId),
    /// A part of this server, by its name.
    System(&'static str),
    /// WhatsApp, through an instance.
    WhatsApp(InstanceId),
    /// Somebody at the server's command line.
    Operator,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key:{id}"),
            Self::System(name) => write!(f, "system:{name}"),
            Self::WhatsApp(id) => write!(f, "whatsapp:{id}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

impl Actor {
    /// Whether it is somebody who asks, and no part of what follows by itself.
    #[must_use]
    pub const fn is_caller(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Operator)
    }
}

/// The circumstances of one command.
#[derive(Debug, Clone)]
pub struct Context {
    /// The tenant. Every load, append and query of the command is within it.
    pub workspace: WorkspaceId,
    /// Who acts.
    pub actor: Actor,
    /// The request it belongs to, also the correlation id of every event that follows from it.
    pub request_id: String,
    /// The event that caused it, where one did.
    pub causation: Option<EventId>,
    /// The span it is carried out in.
    pub trace: Trace,
    /// The caller's address, where it is known.
    pub client: Option<IpAddr>,
    /// The caller's idempotency key, where one was given.
    pub command: Option<Command>,
}

impl Context {
    /// The circumstances of something a part of this server does by itself.
    #[must_use]
    pub fn internal(workspace: WorkspaceId, actor: Actor, request_id: String) -> Self {
        let trace = Trace::named(&request_id);
        Self { workspace, actor, request_id, causation: None, trace, client: None, command: None }
    }
}
