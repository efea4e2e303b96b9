//! Asking for a message once more, because nobody knows whether it was ever read (see `store::ledger`).
//!
//! Its sender is asked as for one that could not be decrypted, and encrypts it anew under the same id; if the event log
//! has it after all, it is one message there. What the chat brings meanwhile is refused, and comes again at another
//! connection, which is made when the message is there. Only then is WhatsApp told that this delivery came: after a
//! crash in between everything is delivered again, and asked for again.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};
use whatsapp_rust::features::RetryRequestOptions;
use whatsapp_rust::{Client, anyhow};

use super::Shared;
use super::party::is_person;
use crate::store::{Outcome, Unaccounted};

/// How long a chat waits for a message that was asked for. A sender who is there answers within a second or two; for one
/// who is not, the messages he wrote before he left are held no longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait before a request that did not get out is made again.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks for all of them.
pub(crate) async fn ask(client: Arc<Client>, shared: Arc<Shared>, messages: Vec<Unaccounted>) {
    join_all(messages.iter().map(|message| see_to(&client, &shared, message))).await;
}

async fn see_to(client: &Arc<Client>, shared: &Shared, message: &Unaccounted) {
    let instance = shared.spec.instance;
    let connection = shared.ledger.connection();
    let Ok((chat, stanza)) = stanza_of(message) else {
        tracing::warn!(%instance, "a message could not be asked for again: who sent it cannot be read");
        return given_up(shared, message);
    };
    // Nobody misses what is not of a one-to-one chat: it is not carried.
    if is_person(&chat) {
        let asking = async {
            ask_for(client, shared, &stanza, connection).await;
            shared.ledger.outcome(message, connection).await
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Outcome::Settled) => {}
            Ok(Outcome::Reconnected) => return,
            Err(_) => tracing::warn!(
                %instance,
                "a message that was asked for again did not come; what was written after it may be ahead of it"
            ),
        }
    }
    if let Err(error) = client.acknowledge_stanza(&stanza.as_node_ref()).await {
        tracing::warn!(%instance, %error, "a message that was asked for again could not be acknowledged");
    }
    given_up(shared, message);
}

/// Nobody waits for it any more, if anybody still did.
fn given_up(shared: &Shared, message: &Unaccounted) {
    if shared.ledger.settle(&message.chat, &message.id) {
        shared.life.redeliver();
    }
}

/// Asks until the request is out, or another connection has begun.
async fn ask_for(client: &Arc<Client>, shared: &Shared, stanza: &Node, connection: u64) {
    while shared.ledger.connection() == connection {
        match client.request_message_retry(&stanza.as_node_ref(), RetryRequestOptions::new()).await {
            Ok(_) => break,
            Err(error) => {
                tracing::debug!(instance = %shared.spec.instance, %error, "a message is not asked for again yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn stanza_of(message: &Unaccounted) -> anyhow::Result<(Jid, Node)> {
    let (chat, sender): (Jid, Jid) = (message.chat.parse()?, message.sender.parse()?);
    let stanza = delivery(&chat, &sender, &message.id);
    Ok((chat, stanza))
}

/// The stanza a message came in, as far as an answer to it needs that.
fn delivery(chat: &Jid, sender: &Jid, id: &str) -> Node {
    let stanza = NodeBuilder::new("message").attr("id", id).attr("type", "text");
    let stanza = if !is_person(chat) {
        stanza.attr("from", chat).attr("participant", sender)
    } else if chat.is_same_user_as(sender) {
        stanza.attr("from", sender)
    } else {
        // The account's own, written on another of its devices.
        stanza.attr("from", sender).attr("recipient", chat)
    };
    stanza.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_names_who_sent_it_and_for_whom() {
        let attribute = |node: &Node, name: &str| {
            node.as_node_ref().get_attr(name).map(|value| value.as_str().into_owned())
        };
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        let theirs = delivery(&jid("12@lid"), &jid("12:3@lid"), "A");
        assert_eq!(attribute(&theirs, "from").as_deref(), Some("12:3@lid"));
        assert_eq!(attribute(&theirs, "recipient"), None);
        let ours = delivery(&jid("12@lid"), &jid("34@lid"), "A");
        assert_eq!(attribute(&ours, "recipient").as_deref(), Some("12@lid"));
        let group = delivery(&jid("120363021033254949@g.us"), &jid("12@lid"), "A");
        assert_eq!(attribute(&group, "from").as_deref(), Some("120363021033254949@g.us"));
        assert_eq!(attribute(&group, "participant").as_deref(), Some("12@lid"));
    }
}
