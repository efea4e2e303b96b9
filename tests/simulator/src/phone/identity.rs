//! The signatures by which a phone vouches for its linked devices ("ADV").
//!
//! When the owner scans a QR code, the phone signs the device's identity key together with details about
//! the link, and seals the signature with an HMAC under the secret that only the QR code carried. The
//! device answers with a signature of its own over the same details. Both go into the device's proof, which
//! others receive with its keys. The list of valid links is signed too.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use wacore_libsignal::protocol::{IdentityKeyPair, PublicKey};
use waproto::buffa::Message as _;
use waproto::whatsapp::{
    ADVDeviceIdentity, ADVEncryptionType, ADVKeyIndexList, ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC, ADVSignedKeyIndexList,
};

use crate::chance;
use crate::clock;
use crate::error::PhoneError;

const ACCOUNT_SIGNS_DEVICE: [u8; 2] = [6, 0];
const DEVICE_SIGNS_ACCOUNT: [u8; 2] = [6, 1];
const ACCOUNT_SIGNS_LIST: [u8; 2] = [6, 2];

/// The link that a phone offers to a device.
pub(crate) struct Offer {
    details: Vec<u8>,
    account: [u8; 32],
    device: [u8; 32],
    /// The encoded container for `pair-success`.
    pub(crate) sealed: Vec<u8>,
}

/// Signs the identity of a device and seals it under the secret of the QR code.
pub(crate) fn offer(
    account: &IdentityKeyPair,
    raw_id: u32,
    key_index: u32,
    device: [u8; 32],
    secret: &[u8],
) -> Result<Offer, PhoneError> {
    let details = ADVDeviceIdentity {
        raw_id: Some(raw_id),
        timestamp: Some(clock::seconds()),
        key_index: Some(key_index),
        account_type: Some(ADVEncryptionType::E2EE),
        device_type: Some(ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    let mut public = [0; 32];
    public.copy_from_slice(account.public_key().public_key_bytes());
    let signature = account.private_key().calculate_signature(
        &[&ACCOUNT_SIGNS_DEVICE, details.as_slice(), &device].concat(),
        &mut chance::generator(),
    )?;
    let signed = ADVSignedDeviceIdentity {
        details: Some(details.clone()),
        account_signature_key: Some(public.to_vec()),
        account_signature: Some(signature.to_vec()),
        device_signature: None,
    }
    .encode_to_vec();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret)
        .map_err(|_| PhoneError::IncompleteKeys("secret of the QR code"))?;
    mac.update(&signed);
    let sealed = ADVSignedDeviceIdentityHMAC {
        hmac: Some(mac.finalize().into_bytes().to_vec()),
        details: Some(signed),
        account_type: Some(ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    Ok(Offer { details, account: public, device, sealed })
}

impl Offer {
    /// Whether the device signed the same link with its identity key.
    pub(crate) fn is_accepted_by(&self, proof: &[u8]) -> bool {
        let Ok(signed) = ADVSignedDeviceIdentity::decode_from_slice(proof) else {
            return false;
        };
        let Ok(device) = PublicKey::from_djb_public_key_bytes(&self.device) else {
            return false;
        };
        let expected = [&DEVICE_SIGNS_ACCOUNT, self.details.as_slice(), &self.device, &self.account].concat();
        signed.details.as_deref() == Some(self.details.as_slice())
            && device.verify_signature(&expected, signed.device_signature.as_deref().unwrap_or_default())
    }
}

/// The signed list of valid links, which goes with the list of devices.
pub(crate) fn key_index_list(
    account: &IdentityKeyPair,
    raw_id: u32,
    valid: Vec<u32>,
) -> Result<Vec<u8>, PhoneError> {
    let details = ADVKeyIndexList {
        raw_id: Some(raw_id),
        timestamp: Some(clock::seconds()),
        current_index: valid.iter().max().copied(),
        valid_indexes: valid,
        account_type: Some(ADVEncryptionType::E2EE),
    }
    .encode_to_vec();
    let signature = account
        .private_key()
        .calculate_signature(&[&ACCOUNT_SIGNS_LIST, details.as_slice()].concat(), &mut chance::generator())?;
    Ok(ADVSignedKeyIndexList {
        details: Some(details),
        account_signature: Some(signature.to_vec()),
        account_signature_key: Some(account.public_key().public_key_bytes().to_vec()),
    }
    .encode_to_vec())
}
