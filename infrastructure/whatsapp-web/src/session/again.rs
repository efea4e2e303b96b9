//! Asking for a message once more, because nobody knows whether it was ever read (see `store::ledger`).
//!
//! Its sender is asked as for one that could not be decrypted, and encrypts it anew under the same id; if the event log
//! has it after all, it is one message there. WhatsApp is told that this delivery came only when the request is out.

use std::sync::Arc;

use interflow_domain::InstanceId;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};
use whatsapp_rust::features::RetryRequestOptions;
use whatsapp_rust::{Client, anyhow};

use super::party::is_person;
use crate::store::Unaccounted;

/// Asks for all of them. What fails is delivered, and asked for, again.
pub(crate) async fn ask(client: Arc<Client>, instance: InstanceId, messages: Vec<Unaccounted>) {
    for message in messages {
        if let Err(error) = ask_for(&client, &message).await {
            tracing::warn!(%instance, %error, "a message could not be asked for again");
        }
    }
}

async fn ask_for(client: &Arc<Client>, message: &Unaccounted) -> anyhow::Result<()> {
    let (chat, sender): (Jid, Jid) = (message.chat.parse()?, message.sender.parse()?);
    let stanza = delivery(&chat, &sender, &message.id);
    // Nobody misses what is not of a one-to-one chat: it is not carried.
    if is_person(&chat) {
        client.request_message_retry(&stanza.as_node_ref(), RetryRequestOptions::new()).await?;
    }
    client.acknowledge_stanza(&stanza.as_node_ref()).await?;
    Ok(())
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
