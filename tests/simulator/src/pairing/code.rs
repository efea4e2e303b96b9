//! What is in a QR code.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::ScanError;

/// Newer clients wrap the code in a link that any camera can follow.
const CAMERA_LINK: &str = "https://wa.me/settings/linked_devices#";

/// The fields of a code.
pub(super) struct Code {
    pub(super) reference: String,
    pub(super) noise: Vec<u8>,
    pub(super) identity: Vec<u8>,
    pub(super) secret: Vec<u8>,
}

pub(super) fn read(qr: &str) -> Result<Code, ScanError> {
    let qr = qr.trim();
    let body = qr.strip_prefix(CAMERA_LINK).unwrap_or(qr);
    let mut fields = body.split(',');
    let mut field = || {
        fields
            .next()
            .filter(|field| !field.is_empty())
            .ok_or(ScanError::Malformed("it has fewer than four fields"))
    };
    let reference = field()?.to_owned();
    if !reference.starts_with("2@") {
        return Err(ScanError::Malformed("it does not begin with 2@"));
    }
    let mut key = || {
        BASE64_STANDARD
            .decode(field()?)
            .ok()
            .filter(|key| key.len() == 32)
            .ok_or(ScanError::Malformed("a key is not 32 bytes in Base64"))
    };
    Ok(Code { reference, noise: key()?, identity: key()?, secret: key()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_with(reference: &str) -> String {
        let key = BASE64_STANDARD.encode([7; 32]);
        format!("{reference},{key},{key},{key},1")
    }

    #[test]
    fn a_code_is_read_with_and_without_the_camera_link() {
        let plain = read(&code_with("2@ref")).unwrap();
        let linked = read(&format!("{CAMERA_LINK}{}", code_with("2@ref"))).unwrap();
        assert_eq!(plain.reference, "2@ref");
        assert_eq!(linked.reference, plain.reference);
        assert_eq!(linked.secret, [7; 32]);
    }

    #[test]
    fn a_broken_code_is_malformed() {
        for broken in ["", "2@ref", "2@ref,AA,AA,AA", &code_with("1@ref")] {
            assert!(matches!(read(broken), Err(ScanError::Malformed(_))), "{broken}");
        }
    }
}
