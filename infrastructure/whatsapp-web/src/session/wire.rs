//! The engine's events, translated.
//!
//! Called inline from the engine's tasks, so nothing here waits: state is noted for the supervisor ([`super::life`]),
//! news is queued for the sink ([`super::outbox`]), acknowledgements wake their senders ([`super::acks`]).

use std::sync::Arc;

use interflow_application::live::Activity;
use interflow_application::whatsapp::{ReceiptKind, SessionSignal};
use wacore::types::events::{Event, EventHandler, EventInterest, EventKind, MessageBatch, Receipt};
use wacore::types::presence::{ChatPresence, ChatPresenceMedia, ReceiptType};
use wacore_binary::{Jid, JidExt};

use super::life::Ending;
use super::outbox::Parcel;
use super::{Shared, inbox, party};

/// Hears the engine's events.
pub(crate) struct Wire(pub(crate) Arc<Shared>);

impl EventHandler for Wire {
    fn handle_event(&self, event: Arc<Event>) {
        let Self(shared) = self;
        match &*event {
            Event::PairingQrCode(qr) => {
                shared.outbox.push(SessionSignal::QrIssued { code: qr.code.clone(), valid_for: qr.timeout });
            }
            Event::PairingQrCodesExhausted(_) => shared.life.end(Ending::QrExhausted),
            Event::PairSuccess(pair) => shared.life.paired(party::named([&pair.id, &pair.lid])),
            Event::Connected(_) => self.connected(),
            Event::LoggedOut(_) => shared.life.end(Ending::LoggedOut),
            Event::StreamReplaced(_) => shared.life.end(Ending::Replaced),
            Event::TemporaryBan(ban) => shared.life.end(Ending::Banned {
                code: ban.code.code().to_string(),
                retry_after: ban.expire.to_std().ok(),
            }),
            Event::ClientOutdated(_) => shared.life.end(Ending::Outdated),
            // What passes by itself is a lost connection like any other.
            Event::ConnectFailure(failure) if !failure.reason.should_reconnect() => {
                shared.life.end(Ending::Refused { code: failure.reason.code().to_string() });
            }
            Event::Receipt(receipt) => self.receipt(receipt),
            Event::ServerAck(ack) if ack.class.as_deref().is_none_or(|class| class == "message") => {
                shared.acks.answered(&ack.id, ack.timestamp, ack.error.as_deref());
            }
            Event::ChatPresence(update) if !update.source.is_group => {
                let activity = match (update.state, update.media) {
                    (ChatPresence::Composing, ChatPresenceMedia::Text) => Activity::Typing,
                    (ChatPresence::Composing, ChatPresenceMedia::Audio) => Activity::Recording,
                    (ChatPresence::Paused, _) => Activity::Paused,
                };
                self.activity(&update.source.chat, activity);
            }
            Event::Presence(update) => {
                let last_seen = update.last_seen.map(|at| at.timestamp());
                let activity =
                    if update.unavailable { Activity::Offline { last_seen } } else { Activity::Online };
                self.activity(&update.from, activity);
            }
            Event::Messages(batch) if !batch.hook_committed => self.recovered(batch),
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[
            EventKind::PairingQrCode,
            EventKind::PairingQrCodesExhausted,
            EventKind::PairSuccess,
            EventKind::Connected,
            EventKind::LoggedOut,
            EventKind::StreamReplaced,
            EventKind::TemporaryBan,
            EventKind::ClientOutdated,
            EventKind::ConnectFailure,
            EventKind::Receipt,
            EventKind::ServerAck,
            EventKind::Messages,
            EventKind::ChatPresence,
            EventKind::Presence,
        ])
    }
}

impl Wire {
    fn connected(&self) {
        let Self(shared) = self;
        let Some((client, tasks)) = shared.live() else { return };
        let name = client.push_name();
        shared.life.connected();
        shared.outbox.push(SessionSignal::Connected {
            account: party::account(&client),
            push_name: (!name.is_empty()).then_some(name),
        });
        if shared.appear_online {
            tasks.run(async move {
                if client.presence().set_available().await.is_err() {
                    tracing::debug!("WhatsApp was not told that the account is online");
                }
            });
        }
    }

    /// Receipts of the other side for messages of ours, in one-to-one chats.
    fn receipt(&self, receipt: &Receipt) {
        let kind = match receipt.r#type {
            ReceiptType::Delivered => ReceiptKind::Delivered,
            ReceiptType::Read => ReceiptKind::Read,
            ReceiptType::Played => ReceiptKind::Played,
            _ => return,
        };
        if !party::is_person(&receipt.source.chat) || self.is_own(&receipt.source.chat) {
            return;
        }
        self.0.outbox.push(SessionSignal::Receipts {
            whatsapp_ids: receipt.message_ids.clone(),
            kind,
            at: receipt.timestamp,
        });
    }

    /// What the other side of a one-to-one chat does.
    fn activity(&self, who: &Jid, activity: Activity) {
        if !party::is_person(who) || self.is_own(who) {
            return;
        }
        let Some((client, tasks)) = self.0.live() else { return };
        let (shared, who) = (Arc::clone(&self.0), who.clone());
        tasks.run(async move {
            let party = party::known(&client, &who).await;
            shared.outbox.push(SessionSignal::Activity { party, activity });
        });
    }

    /// Whether it is the account itself: its phone confirms what its other devices send, too.
    fn is_own(&self, jid: &Jid) -> bool {
        self.0.live().is_some_and(|(client, _)| {
            let device = client.persistence_manager().get_device_snapshot();
            device.pn.iter().chain(&device.lid).any(|own| own.is_same_user_as(jid))
        })
    }

    /// Messages this device could not decrypt and the phone passed on: they do not go through the hook.
    fn recovered(&self, batch: &MessageBatch) {
        let Some((client, tasks)) = self.0.live() else { return };
        let (shared, batch) = (Arc::clone(&self.0), Arc::clone(&batch.messages));
        tasks.run(async move {
            let batch: Vec<_> = batch.iter().collect();
            let messages = inbox::read(&client, &batch).await;
            if !messages.is_empty() {
                shared.outbox.push_parcel(Parcel::Recovered(messages));
            }
            inbox::settle(&shared, &batch);
        });
    }
}
