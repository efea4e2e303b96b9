use async_trait::async_trait;
use interflow_domain::chat::{Chat, ChatCommand, ChatStatus};
use interflow_domain::instance::Instance;
use interflow_domain::message::{Arrival, Content, Message, MessageCommand};
use interflow_domain::{DisplayName, InstanceId, Lid, MessageId, MessageText};
use uuid::Uuid;

use super::participants::{Known, participants};
use crate::log::{Rider, StreamId};
use crate::whatsapp::{InboundContent, InboundMessage};
use crate::{Decision, Error, Resource, UseCase};

/// Records a message that came from WhatsApp, once, with the customer and chat it belongs to.
#[derive(Debug, Clone)]
pub struct ReceiveMessage {
    /// The instance it came through.
    pub instance: InstanceId,
    /// The lease's epoch.
    pub epoch: i64,
    /// The message.
    pub message: InboundMessage,
}

#[async_trait]
impl UseCase for ReceiveMessage {
    /// Whether it was new.
    type Output = bool;

    async fn decide(&self, decision: &mut Decision<'_>) -> Result<bool, Error> {
        let InboundMessage { whatsapp_id, party, from_me, push_name, sent_at, content } = &self.message;
        let message_id = message_id(self.instance, &self.message);
        let stream = StreamId::Message(message_id);
        decision.ride(Rider::Fence { instance: self.instance, epoch: self.epoch });
        if decision.load::<Message>(stream).await?.exists() {
            return Ok(false);
        }
        if !decision.load::<Instance>(StreamId::Instance(self.instance)).await?.exists() {
            return Err(Error::NotFound(Resource::Channel));
        }
        let lid: Option<Lid> = party.lid.as_deref().and_then(|lid| lid.parse().ok());
        if party.phone.is_none() && lid.is_none() {
            return Err(Error::Internal("a message came from neither a number nor a LID".to_owned()));
        }
        // What the account's owner calls itself is not the customer's name.
        let name = push_name.as_deref().filter(|_| !from_me).and_then(shown_name);
        let known = Known { phone: party.phone.clone(), lid, name };
        let participants = participants(decision, self.instance, known).await?;
        let chat = StreamId::Chat(participants.chat_id);
        decision.caused_within(StreamId::Customer(participants.customer_id), stream);
        decision.caused_within(chat, stream);
        if !from_me && decision.load::<Chat>(chat).await?.status() == Some(ChatStatus::Snoozed) {
            decision.execute::<Chat>(chat, ChatCommand::ReopenChat).await?;
        }
        let arrival = Arrival {
            message_id,
            participants,
            phone: party.phone.clone(),
            content: readable(content),
            whatsapp_id: whatsapp_id.clone(),
            sent_at: *sent_at,
        };
        let command = if *from_me {
            MessageCommand::EchoMessage(arrival)
        } else {
            MessageCommand::ReceiveMessage(arrival)
        };
        decision.execute::<Message>(stream, command).await
    }
}

/// A duplicate delivery is the same stream: the id is a function of what WhatsApp calls the message.
fn message_id(instance: InstanceId, message: &InboundMessage) -> MessageId {
    let party = &message.party;
    let remote = party.lid.as_deref().or(party.phone.as_ref().map(interflow_domain::PhoneNumber::as_str));
    let sender = if message.from_me { "me" } else { "them" };
    let name = format!("{}\n{sender}\n{}", remote.unwrap_or_default(), message.whatsapp_id);
    MessageId::new(Uuid::new_v5(&instance.uuid(), name.as_bytes()))
}

/// A text WhatsApp let through but our rules do not know is recorded as something this version cannot carry.
fn readable(content: &InboundContent) -> Content {
    match content {
        InboundContent::Text(text) => match text.parse::<MessageText>() {
            Ok(text) => Content::Text { text },
            Err(_) => Content::Unsupported { kind: "text".to_owned() },
        },
        InboundContent::Unsupported { kind } => Content::Unsupported { kind: kind.clone() },
    }
}

/// The name a person shows, cut to what a name may be.
pub(crate) fn shown_name(text: &str) -> Option<DisplayName> {
    let plain: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    plain.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::Party;

    fn message() -> InboundMessage {
        InboundMessage {
            whatsapp_id: "3A".to_owned(),
            party: Party { phone: Some("5511999999999".parse().unwrap()), lid: Some("12".to_owned()) },
            from_me: false,
            push_name: None,
            sent_at: chrono::DateTime::UNIX_EPOCH,
            content: InboundContent::Text("hi".to_owned()),
        }
    }

    #[test]
    fn a_message_has_one_id_an_instance_sender_and_direction() {
        let instance = InstanceId::default();
        let id = message_id(instance, &message());
        assert_eq!(
            id,
            message_id(instance, &InboundMessage { push_name: Some("Ana".to_owned()), ..message() })
        );
        assert_ne!(id, message_id(instance, &InboundMessage { from_me: true, ..message() }));
        assert_ne!(id, message_id(instance, &InboundMessage { whatsapp_id: "3B".to_owned(), ..message() }));
        assert_ne!(id, message_id(InstanceId::new(Uuid::from_u128(1)), &message()));
    }

    #[test]
    fn a_shown_name_is_cut_to_what_a_name_may_be() {
        assert_eq!(shown_name("A\u{7}na").unwrap().as_str(), "Ana");
        assert_eq!(shown_name(&"x".repeat(300)).unwrap().as_str().len(), 200);
        assert_eq!(shown_name(" \n"), None);
    }
}
