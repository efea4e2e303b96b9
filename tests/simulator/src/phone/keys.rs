//! The Signal side of a phone: it opens what linked devices wrote, and seals what it writes to them.

use wacore_libsignal::protocol::{
    CiphertextMessage, CiphertextMessageType, GenericSignedPreKey as _, IdentityKeyPair, KeyPair,
    PreKeyRecord, PreKeySignalMessage, ProtocolAddress, SignalMessage, SignalProtocolError,
    SignedPreKeyRecord, Timestamp, UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};

use super::bundle::{Bundle, SignedKeyPublic};
use super::store::{Identities, OneTimeKeys, Sessions, SignedKey};
use crate::chance;
use crate::clock;
use crate::error::PhoneError;
use crate::wire::certificate::public;

pub(super) const SIGNED_KEY_ID: u32 = 1;

/// A sealed message.
pub(crate) struct Ciphertext {
    /// `pkmsg` or `msg`.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Ciphertext {
    /// The same message with a broken authentication code: well formed, but nobody can open it.
    pub(crate) fn corrupted(self) -> Result<Self, PhoneError> {
        let mut bytes = match self.kind {
            "pkmsg" => PreKeySignalMessage::try_from(self.bytes.as_slice())?.message().serialized().to_vec(),
            _ => self.bytes,
        };
        if let Some(last) = bytes.last_mut() {
            *last ^= 0xff;
        }
        Ok(Self { kind: "msg", bytes })
    }
}

/// What opening a message came to.
pub(crate) enum Opened {
    /// The padded plaintext.
    Plaintext(Vec<u8>),
    /// The ratchet has been past this message before: a second copy, byte for byte.
    Repeated,
}

/// A phone's keys and sessions.
pub(crate) struct Keys {
    identities: Identities,
    sessions: Sessions,
    one_time: OneTimeKeys,
    signed: SignedKey,
    signed_public: SignedKeyPublic,
    last_one_time: u32,
}

impl Keys {
    /// New keys.
    pub(crate) fn generate() -> Result<Self, PhoneError> {
        let mut random = chance::generator();
        let own = IdentityKeyPair::generate(&mut random);
        let signed = KeyPair::generate(&mut random);
        let signature = own.private_key().calculate_signature(&signed.public_key.serialize(), &mut random)?;
        Ok(Self {
            signed: SignedKey(SignedPreKeyRecord::new(
                SIGNED_KEY_ID.into(),
                Timestamp::from_epoch_millis(clock::milliseconds()),
                &signed,
                &signature,
            )),
            signed_public: SignedKeyPublic {
                id: SIGNED_KEY_ID,
                value: public(&signed),
                signature: signature.to_vec(),
            },
            identities: Identities {
                own,
                registration_id: 1 + chance::below(16_380),
                met: Default::default(),
            },
            sessions: Sessions::default(),
            one_time: OneTimeKeys::default(),
            last_one_time: 0,
        })
    }

    /// The identity, which also signs for linked devices.
    pub(crate) fn identity(&self) -> &IdentityKeyPair {
        &self.identities.own
    }

    /// The registration id.
    pub(crate) fn registration_id(&self) -> u32 {
        self.identities.registration_id
    }

    /// The public keys for someone who wants to write to this phone, with a one-time pre-key of its own.
    pub(crate) fn publish(&mut self) -> Bundle {
        self.last_one_time += 1;
        let pair = KeyPair::generate(&mut chance::generator());
        let record = PreKeyRecord::new(self.last_one_time.into(), &pair);
        self.one_time.0.insert(self.last_one_time, record);
        let mut identity = [0; 32];
        identity.copy_from_slice(self.identities.own.public_key().public_key_bytes());
        Bundle {
            registration_id: self.identities.registration_id,
            identity,
            signed: self.signed_public.clone(),
            one_time: Some((self.last_one_time, public(&pair))),
            proof: None,
        }
    }

    /// Whether there is a session to write in.
    pub(crate) fn knows(&self, peer: &ProtocolAddress) -> bool {
        self.sessions.0.contains_key(peer)
    }

    /// Begins a new session from the peer's public keys; an old one stays open for what is still on its way.
    pub(crate) async fn meet(&mut self, peer: &ProtocolAddress, bundle: &Bundle) -> Result<(), PhoneError> {
        process_prekey_bundle(
            peer,
            &mut self.sessions,
            &mut self.identities,
            &bundle.to_signal(peer.device_id())?,
            &mut chance::generator(),
            UsePQRatchet::No,
        )
        .await?;
        Ok(())
    }

    /// Seals a padded plaintext for a peer with whom there is a session.
    pub(crate) async fn seal(
        &mut self,
        peer: &ProtocolAddress,
        plaintext: &[u8],
    ) -> Result<Ciphertext, PhoneError> {
        let sealed = message_encrypt(plaintext, peer, &mut self.sessions, &mut self.identities).await?;
        let kind = match sealed.message_type() {
            CiphertextMessageType::PreKey => "pkmsg",
            CiphertextMessageType::Whisper => "msg",
            other => return Err(PhoneError::UnknownKind(format!("{other:?}"))),
        };
        Ok(Ciphertext { kind, bytes: sealed.serialize().to_vec() })
    }

    /// Opens a ciphertext of a peer.
    pub(crate) async fn open(
        &mut self,
        peer: &ProtocolAddress,
        kind: &str,
        bytes: &[u8],
    ) -> Result<Opened, PhoneError> {
        let sealed = match kind {
            "pkmsg" => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?),
            "msg" => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            other => return Err(PhoneError::UnknownKind(other.to_owned())),
        };
        let opened = message_decrypt(
            &sealed,
            peer,
            &mut self.sessions,
            &mut self.identities,
            &mut self.one_time,
            &self.signed,
            &mut chance::generator(),
            UsePQRatchet::No,
        )
        .await;
        match opened {
            Ok(result) => {
                if let Some(id) = result.consumed_prekey_id {
                    self.one_time.0.remove(&id.into());
                }
                Ok(Opened::Plaintext(result.plaintext))
            }
            Err(SignalProtocolError::DuplicatedMessage(..)) => Ok(Opened::Repeated),
            Err(error) => Err(error.into()),
        }
    }
}
