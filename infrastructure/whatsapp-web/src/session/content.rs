//! What a decrypted message says, or what kind it is.

use interflow_application::whatsapp::InboundContent;
use wacore::proto_helpers::MessageExt;
use wacore::send::{media_type_from_message, stanza_type_from_message};
use waproto::whatsapp as wa;

/// The content a person would see; `None` for what only the protocol sees.
pub(crate) fn content(message: &wa::Message) -> Option<InboundContent> {
    if is_edit(message) {
        return None;
    }
    let message = message.get_base_message();
    if is_protocol(message) {
        return None;
    }
    if let Some(text) = text(message) {
        return (!text.is_empty()).then(|| InboundContent::Text(text.to_owned()));
    }
    kind(message).map(|kind| InboundContent::Unsupported { kind: kind.to_owned() })
}

/// A text, with or without a preview of what it links to.
fn text(message: &wa::Message) -> Option<&str> {
    let extended = message.extended_text_message.as_option().and_then(|extended| extended.text.as_deref());
    message
        .conversation
        .as_deref()
        .filter(|text| !text.is_empty())
        .or(extended)
        .or(message.conversation.as_deref())
}

/// A changed text of an earlier message: the engine unwraps it like a new one.
fn is_edit(message: &wa::Message) -> bool {
    let sent = message.device_sent_message.as_option().and_then(|sent| sent.message.as_option());
    [Some(message), sent].into_iter().flatten().any(|message| message.edited_message.is_set())
}

/// What changes or accompanies other messages and is none itself.
fn is_protocol(message: &wa::Message) -> bool {
    message.protocol_message.is_set()
        || message.secret_encrypted_message.is_set()
        || message.pin_in_chat_message.is_set()
        || message.keep_in_chat_message.is_set()
        || message.reaction_message.as_option().is_some_and(is_withdrawn)
}

/// A reaction taken back, or one to nothing.
fn is_withdrawn(reaction: &wa::message::ReactionMessage) -> bool {
    reaction.text.as_deref().unwrap_or_default().is_empty() || reaction.key.is_unset()
}

fn kind(message: &wa::Message) -> Option<&'static str> {
    if let Some(media) = media_type_from_message(message) {
        return Some(media);
    }
    match stanza_type_from_message(message) {
        // What the classifier falls back to says nothing.
        "text" | "media" => is_anything(message).then_some("unknown"),
        kind => Some(kind),
    }
}

/// Whether anything is left beside keys for groups and context.
fn is_anything(message: &wa::Message) -> bool {
    let mut rest = message.clone();
    rest.sender_key_distribution_message = Default::default();
    rest.fast_ratchet_key_sender_key_distribution_message = Default::default();
    rest.message_context_info = Default::default();
    waproto::codec::message_encoded_len(&rest) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use wa::message::{
        DeviceSentMessage, ExtendedTextMessage, FutureProofMessage, ImageMessage, ProtocolMessage,
        ReactionMessage, SenderKeyDistributionMessage,
    };
    use whatsapp_rust::buffa::MessageField;

    fn plain(text: &str) -> wa::Message {
        wa::Message { conversation: Some(text.into()), ..Default::default() }
    }

    fn said(text: &str) -> Option<InboundContent> {
        Some(InboundContent::Text(text.into()))
    }

    #[test]
    fn plain_extended_and_wrapped_texts_are_texts() {
        assert_eq!(content(&plain("hi")), said("hi"));
        let extended =
            ExtendedTextMessage { text: Some("see https://example.org".into()), ..Default::default() };
        let extended =
            wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() };
        assert_eq!(content(&extended), said("see https://example.org"));
        let sent =
            DeviceSentMessage { message: MessageField::some(plain("from my phone")), ..Default::default() };
        let sent = wa::Message { device_sent_message: MessageField::some(sent), ..Default::default() };
        assert_eq!(content(&sent), said("from my phone"));
        let fading = FutureProofMessage { message: MessageField::some(plain("gone soon")) };
        let fading = wa::Message { ephemeral_message: MessageField::some(fading), ..Default::default() };
        assert_eq!(content(&fading), said("gone soon"));
    }

    #[test]
    fn other_kinds_are_named() {
        let image =
            wa::Message { image_message: MessageField::some(ImageMessage::default()), ..Default::default() };
        assert_eq!(content(&image), Some(InboundContent::Unsupported { kind: "image".into() }));
        let reaction = ReactionMessage {
            text: Some("👍".into()),
            key: MessageField::some(wa::MessageKey::default()),
            ..Default::default()
        };
        let reaction = wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() };
        assert_eq!(content(&reaction), Some(InboundContent::Unsupported { kind: "reaction".into() }));
    }

    #[test]
    fn what_only_the_protocol_sees_is_no_content() {
        let edited = FutureProofMessage { message: MessageField::some(plain("better")) };
        for silent in [
            wa::Message::default(),
            plain(""),
            wa::Message {
                protocol_message: MessageField::some(ProtocolMessage::default()),
                ..Default::default()
            },
            wa::Message {
                reaction_message: MessageField::some(ReactionMessage::default()),
                ..Default::default()
            },
            wa::Message { edited_message: MessageField::some(edited), ..Default::default() },
            wa::Message {
                sender_key_distribution_message: MessageField::some(SenderKeyDistributionMessage::default()),
                ..Default::default()
            },
        ] {
            assert_eq!(content(&silent), None);
        }
    }
}
