//! The history of a channel's connection, told to people: what happened, why, and what to do about it.
//!
//! Read from the channel's own stream, backwards: the log has it already, by an index of its own. QRs that followed one
//! another are one line.

use chrono::{DateTime, Utc};
use interflow_domain::instance::{DisconnectReason, InstanceEvent, LoggedOutBy};
use interflow_domain::{InstanceId, WorkspaceId};

use crate::Core;
use crate::log::{Event, LogError, RecordedEvent, StreamId};
use crate::read::Cursor;

/// How many events are read at once.
const CHUNK: u32 = 100;

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When; of QRs that followed one another, the last.
    pub at: DateTime<Utc>,
    /// What happened, for programs.
    pub kind: MomentKind,
    /// Why, by its name in the API, where there is a reason.
    pub reason: Option<&'static str>,
    /// What happened and what to do, one sentence for a person.
    pub message: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MomentKind {
    /// The channel was made.
    Created,
    /// It got another name.
    Renamed,
    /// Somebody asked for the connection.
    Connecting,
    /// One or more QRs were shown.
    QrIssued,
    /// Nobody scanned.
    PairingExpired,
    /// A phone linked the device.
    Paired,
    /// Logged in and able to send.
    Connected,
    /// The connection ended, and is tried again by itself.
    Disconnected,
    /// Somebody asked for the connection to be closed and opened again.
    Restarted,
    /// Another program connected with the same keys.
    Replaced,
    /// WhatsApp bars the account for a time.
    Banned,
    /// WhatsApp no longer accepts this version.
    Outdated,
    /// The connection keeps breaking.
    Flapping,
    /// The device is no longer linked.
    LoggedOut,
}

impl MomentKind {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Renamed => "renamed",
            Self::Connecting => "connecting",
            Self::QrIssued => "qr_issued",
            Self::PairingExpired => "pairing_expired",
            Self::Paired => "paired",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Restarted => "restarted",
            Self::Replaced => "replaced",
            Self::Banned => "banned",
            Self::Outdated => "outdated",
            Self::Flapping => "flapping",
            Self::LoggedOut => "logged_out",
        }
    }
}

/// Part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The lines, newest first.
    pub moments: Vec<Moment>,
    /// Where the older ones begin, if there are any.
    pub next: Option<Cursor>,
}

/// Up to `size` lines of a channel's history, newest first, after the one a cursor points behind.
pub async fn timeline(
    core: &Core,
    workspace: WorkspaceId,
    instance: InstanceId,
    after: Option<Cursor>,
    size: usize,
) -> Result<Timeline, LogError> {
    let mut told = Telling { lines: vec![], size, oldest: after.map(|Cursor(version)| version) };
    loop {
        let stream = StreamId::Instance(instance);
        let events = core.log.latest(workspace, stream, told.oldest, CHUNK).await?;
        if told.all(&events) || events.len() < CHUNK as usize {
            return Ok(told.done());
        }
    }
}

struct Line {
    moment: Moment,
    qrs: u32,
}

/// A timeline that is being told.
struct Telling {
    lines: Vec<Line>,
    size: usize,
    /// The version of the oldest event that was told.
    oldest: Option<u64>,
}

impl Telling {
    /// Tells these events too; says whether there is no room for one of them.
    fn all(&mut self, events: &[RecordedEvent]) -> bool {
        for recorded in events {
            if let Some(moment) = moment(recorded) {
                let qr = moment.kind == MomentKind::QrIssued;
                let another = qr && self.lines.last().is_some_and(|last| last.qrs > 0);
                if !another && self.lines.len() == self.size {
                    return true;
                }
                match self.lines.last_mut().filter(|_| another) {
                    Some(last) => {
                        last.qrs += 1;
                        last.moment.message = qrs_issued(last.qrs);
                    }
                    None => self.lines.push(Line { moment, qrs: u32::from(qr) }),
                }
            }
            self.oldest = Some(recorded.version);
        }
        false
    }

    fn done(self) -> Timeline {
        let next = self.oldest.filter(|version| *version > 1).map(Cursor);
        Timeline { moments: self.lines.into_iter().map(|line| line.moment).collect(), next }
    }
}

/// The line of one event. A channel that is deleted has no history to show.
fn moment(recorded: &RecordedEvent) -> Option<Moment> {
    use InstanceEvent as E;
    use MomentKind as K;

    let Event::Instance(event) = &recorded.event else { return None };
    let (kind, reason, message) = match event {
        E::InstanceRegistered { .. } => {
            (K::Created, None, "The channel was created: connect it and scan its QR.".to_owned())
        }
        E::InstanceRenamed { name } => (K::Renamed, None, format!("The channel was renamed to '{name}'.")),
        E::ConnectionRequested {} => (
            K::Connecting,
            None,
            "Somebody asked for the connection: a linked device logs in, another waits for its QR to be scanned."
                .to_owned(),
        ),
        E::QrIssued { .. } => (K::QrIssued, None, qrs_issued(1)),
        E::PairingExpired {} => {
            (K::PairingExpired, None, "Nobody scanned in time: connect again for a new QR.".to_owned())
        }
        E::InstancePaired { .. } => {
            (K::Paired, None, "A phone linked the channel, which logs in by itself now.".to_owned())
        }
        E::InstanceConnected { .. } => (K::Connected, None, "The channel is open and can send.".to_owned()),
        E::InstanceDisconnected { reason, .. } => {
            let (kind, message) = disconnected(reason);
            (kind, Some(reason.name()), message)
        }
        E::FlappingDetected { disconnects, .. } => (
            K::Flapping,
            None,
            format!(
                "The connection broke {disconnects} times in a short time: check the server's network, and that the \
                 channel's keys are used nowhere else."
            ),
        ),
        E::InstanceLoggedOut { by: LoggedOutBy::Api } => (
            K::LoggedOut,
            Some("api"),
            "Somebody logged the channel out over the API: connect it and scan a new QR to use it again.".to_owned(),
        ),
        E::InstanceLoggedOut { by: LoggedOutBy::Phone } => (
            K::LoggedOut,
            Some("phone"),
            "The device was removed on the phone, or by WhatsApp: connect the channel and scan a new QR.".to_owned(),
        ),
        E::InstanceDeleted {} => return None,
    };
    let at = match event {
        E::InstanceDisconnected { at: Some(at), .. } => *at,
        _ => recorded.recorded_at,
    };
    Some(Moment { at, kind, reason, message })
}

fn qrs_issued(count: u32) -> String {
    let what = if count == 1 {
        "A QR was shown".to_owned()
    } else {
        format!("{count} QRs were shown one after the other")
    };
    format!("{what}: scan the current one in WhatsApp under Linked devices.")
}

fn disconnected(reason: &DisconnectReason) -> (MomentKind, String) {
    use DisconnectReason as R;
    use MomentKind as K;

    match reason {
        R::ConnectionLost => (
            K::Disconnected,
            "The connection to WhatsApp was lost and is tried again by itself: there is nothing to do."
                .to_owned(),
        ),
        R::ServerStopped => (
            K::Disconnected,
            "The server stopped; the channel connects again by itself when one runs: there is nothing to do."
                .to_owned(),
        ),
        R::RestartRequested => {
            (K::Restarted, "Somebody restarted the connection; the link to the phone stays.".to_owned())
        }
        R::Replaced => (
            K::Replaced,
            "Another program connected with the keys of this channel: stop it there, then connect again."
                .to_owned(),
        ),
        R::TemporarilyBanned { code } => (
            K::Banned,
            format!(
                "WhatsApp bars the account for a time (code {code}): send less and wait, it is tried again by itself."
            ),
        ),
        R::ClientOutdated => (
            K::Outdated,
            "WhatsApp no longer accepts this version of the server: upgrade it, then connect again."
                .to_owned(),
        ),
        R::Refused { code } => (
            K::Disconnected,
            format!(
                "WhatsApp refused the login (code {code}), which is tried again by itself: if that does not help, log \
                 out and link the channel anew."
            ),
        ),
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
