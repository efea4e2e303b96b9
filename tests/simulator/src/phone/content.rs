//! Plaintexts: what a phone writes, and what it makes of what it reads.

use wacore::messages::MessageUtils;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId,
    AppStateSyncKeyShare, ProtocolMessage, protocol_message,
};

use crate::chance;
use crate::clock;
use crate::error::PhoneError;

/// The only padding that is in use.
const PADDING_VERSION: u8 = 2;

/// What a phone makes of a decrypted message.
pub(crate) enum Read {
    /// Somebody wrote; the text, if it is text.
    Message(Option<String>),
    /// The account's own linked device reports what it sent to others, or asks its phone for something.
    Housekeeping,
}

/// A text, ready to be sealed.
pub(crate) fn text(text: &str) -> Vec<u8> {
    MessageUtils::encode_and_pad(&wa::Message { conversation: Some(text.to_owned()), ..Default::default() })
}

/// Reads a padded plaintext.
pub(crate) fn read(plaintext: &[u8]) -> Result<Read, PhoneError> {
    let message = wacore::messages::decode_plaintext(plaintext, PADDING_VERSION)
        .map_err(|error| PhoneError::NoMessage(error.to_string()))?;
    if message.device_sent_message.is_set() || message.protocol_message.is_set() {
        return Ok(Read::Housekeeping);
    }
    let extended = message.extended_text_message.as_option().and_then(|extended| extended.text.clone());
    Ok(Read::Message(message.conversation.clone().or(extended)))
}

/// The key under which the account's settings are kept, shared with a newly linked device.
///
/// Without it a client waits ten seconds before it calls itself connected.
pub(crate) fn settings_key_share(device: u16) -> Vec<u8> {
    let key = AppStateSyncKey {
        key_id: MessageField::some(AppStateSyncKeyId { key_id: Some(chance::bytes::<6>().to_vec()) }),
        key_data: MessageField::some(AppStateSyncKeyData {
            key_data: Some(chance::bytes::<32>().to_vec()),
            fingerprint: MessageField::some(AppStateSyncKeyFingerprint {
                raw_id: Some(1),
                current_index: Some(u32::from(device)),
                device_indexes: vec![0, u32::from(device)],
            }),
            timestamp: i64::try_from(clock::milliseconds()).ok(),
        }),
    };
    MessageUtils::encode_and_pad(&wa::Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(protocol_message::Type::APP_STATE_SYNC_KEY_SHARE),
            app_state_sync_key_share: MessageField::some(AppStateSyncKeyShare { keys: vec![key] }),
            ..Default::default()
        }),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_it_was_written() {
        assert!(matches!(
            read(&text("Guten Tag")).unwrap(),
            Read::Message(Some(text)) if text == "Guten Tag"
        ));
    }

    #[test]
    fn a_key_share_is_housekeeping() {
        assert!(matches!(read(&settings_key_share(1)).unwrap(), Read::Housekeeping));
    }
}
