//! Carries out the sends of one instance: in order within a chat, several chats at once, each until WhatsApp's server
//! has acknowledged it, refused it, or its deadline has passed. Bulk messages take turns, at the instance's pace.
//!
//! The WhatsApp id was chosen and recorded with the message, so an attempt after a crash repeats the same id and the
//! phone shows one message.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use interflow_domain::message::{Content, FailureReason, MessageStatus};

use super::slot::Slot;
use super::{Gateway, PendingSend};
use crate::whatsapp::{OutboundText, SendError, Session, SessionSpec};
use crate::{Actor, Backoff, Context, Error, FailMessages, RecordSent};

/// How many chats are served at once.
const CHATS_AT_ONCE: u32 = 16;
/// How long the sender sleeps when nothing is due and nobody wakes it.
const IDLE: Duration = Duration::from_secs(30);
/// How long attempts at one message are apart.
const ATTEMPTS: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(60) };
/// How long the sender waits after the database failed.
const TROUBLE: Duration = Duration::from_secs(1);

/// Sends until it is dropped.
pub(super) async fn run(gateway: Gateway, slot: Arc<Slot>, spec: SessionSpec, session: Arc<dyn Session>) {
    loop {
        slot.until_open().await;
        match serve(&gateway, spec, &session).await {
            Ok(true) => {}
            Ok(false) => {
                let pause = pause(&gateway, spec).await;
                let _ = tokio::time::timeout(pause, slot.woken()).await;
            }
            Err(Error::Fenced) => return,
            Err(error) => {
                tracing::warn!(instance = %spec.instance, %error, "sends are held up");
                tokio::time::sleep(TROUBLE).await;
            }
        }
    }
}

/// Serves the chats that are due; says whether there were any.
async fn serve(gateway: &Gateway, spec: SessionSpec, session: &Arc<dyn Session>) -> Result<bool, Error> {
    let now = gateway.0.core.clock.now();
    let outbox = &gateway.0.ports.outbox;
    let mut due = outbox.due(spec.workspace, spec.instance, now, CHATS_AT_ONCE).await?;
    if let Some(mut turn) = due.pop_if(|last| last.waits_turn) {
        let next = now + jittered(gateway.0.settings.bulk_pace());
        match outbox.take_turn(spec, turn.message, now, next).await? {
            Some(deadline) => {
                turn.deadline = deadline;
                due.push(turn);
            }
            // It is gone, or the lease is: neither calls for haste.
            None if due.is_empty() => {
                tokio::time::sleep(TROUBLE).await;
                return Ok(true);
            }
            None => {}
        }
    }
    let attempts = join_all(due.iter().map(|send| attempt(gateway, spec, session, send))).await;
    attempts.into_iter().collect::<Result<Vec<()>, Error>>()?;
    Ok(!due.is_empty())
}

/// A wait of half as long to half as long again: the pace of a machine is easily told from a person's.
fn jittered(mean: Duration) -> Duration {
    mean.mul_f64(0.5 + rand::random::<f64>())
}

async fn pause(gateway: &Gateway, spec: SessionSpec) -> Duration {
    let now = gateway.0.core.clock.now();
    match gateway.0.ports.outbox.next_due(spec.workspace, spec.instance, now).await {
        Ok(Some(next)) => (next - now).to_std().unwrap_or(Duration::ZERO).min(IDLE),
        Ok(None) => IDLE,
        Err(_) => TROUBLE,
    }
}

async fn attempt(
    gateway: &Gateway,
    spec: SessionSpec,
    session: &Arc<dyn Session>,
    send: &PendingSend,
) -> Result<(), Error> {
    let core = &gateway.0.core;
    let context = gateway.internal(spec.workspace, Actor::System("sender"));
    let message = core.reads.message(spec.workspace, send.message).await?;
    let created_at = message.as_ref().map(|message| message.created_at);
    let text =
        message.as_ref().filter(|message| message.status == MessageStatus::Queued).and_then(|message| {
            let to = message.phone.as_deref()?.parse().ok()?;
            match message.content.as_ref()? {
                Content::Text { text } => Some(OutboundText {
                    whatsapp_id: message.whatsapp_id.clone(),
                    to,
                    text: text.as_str().to_owned(),
                }),
                Content::Unsupported { .. } => None,
            }
        });
    // No longer queued, or erased: nothing is left to send.
    let Some(text) = text else {
        return finish(
            gateway,
            &context,
            spec,
            send,
            FailureReason::Refused { code: "nothing_to_send".to_owned() },
        )
        .await;
    };
    if send.deadline <= core.clock.now() {
        return finish(gateway, &context, spec, send, FailureReason::DeadlineExceeded).await;
    }
    match session.send_text(text).await {
        Ok(acknowledged) => {
            // WhatsApp's time has whole seconds: a message is not sent before it was there.
            let at = acknowledged.at.max(created_at).unwrap_or_else(|| core.clock.now());
            let sent = RecordSent { instance: spec.instance, epoch: spec.epoch, message: send.message, at };
            core.run(&context, &sent).await?;
            gateway.0.waiters.resolve(send.message, None);
            Ok(())
        }
        Err(SendError::NotOnWhatsApp) => {
            finish(gateway, &context, spec, send, FailureReason::NotOnWhatsapp).await
        }
        Err(SendError::Refused(code)) => {
            finish(gateway, &context, spec, send, FailureReason::Refused { code }).await
        }
        Err(SendError::Retry(reason)) => {
            let wait = ATTEMPTS.wait(send.attempts);
            tracing::debug!(message = %send.message, attempts = send.attempts, %reason, ?wait, "a send is tried again");
            Ok(gateway.0.ports.outbox.postpone(spec, send.message, core.clock.now() + wait).await?)
        }
    }
}

/// Gives a send up. One that went further in the meantime stays as it is and only leaves the outbox.
async fn finish(
    gateway: &Gateway,
    context: &Context,
    spec: SessionSpec,
    send: &PendingSend,
    reason: FailureReason,
) -> Result<(), Error> {
    let fence = Some((spec.instance, spec.epoch));
    let fail = FailMessages { messages: vec![send.message], reason: reason.clone(), fence };
    gateway.0.core.run(context, &fail).await?;
    gateway.0.waiters.resolve(send.message, Some(reason));
    Ok(())
}
