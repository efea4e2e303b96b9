//! Hears wake-ups: the senders of the sessions that run here begin at once, whichever process accepted the send, and a
//! call that waits here learns what another process has done. After an erasure, the sessions that knew whom it is about
//! begin anew.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{Gateway, watch};
use crate::wakeups::Wakeup;

/// Listens until it is dropped.
pub(super) async fn listen(gateway: Gateway, mut wakeups: Receiver<Wakeup>) {
    loop {
        match wakeups.recv().await {
            Ok(Wakeup::SendQueued { instance }) => {
                if let Some(slot) = gateway.slots().get(&instance) {
                    slot.wake_sender();
                }
            }
            Ok(Wakeup::SendDone { message }) => gateway.0.waiters.resolve_elsewhere(message),
            Ok(Wakeup::Appended { .. } | Wakeup::Sign { .. }) => {}
            Ok(Wakeup::Erased { .. }) => watch::begin_anew(&gateway).await,
            Ok(Wakeup::Lost) | Err(RecvError::Lagged(_)) => {
                // An erasure that goes unheard is found by the next look at the leases.
                gateway.slots().values().for_each(|slot| slot.wake_sender());
                gateway.0.waiters.resolve_all_elsewhere();
            }
            Err(RecvError::Closed) => return,
        }
    }
}
