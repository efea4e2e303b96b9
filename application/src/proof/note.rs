//! Signed notes (C2SP `signed-note`): a text, an empty line, and a line for each signature. A signature names its key, so
//! one note may be signed with the old and the new key of a log, and whoever knows either can check it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::Rng as _;
use sha2::{Digest as _, Sha256};

/// The kind of key and signature: Ed25519.
const ED25519: u8 = 1;
/// What a line with a signature begins with.
const DASH: &str = "\u{2014} ";
/// More signatures than any note has.
const MOST_SIGNATURES: usize = 100;

/// What is public of a key. Written `name+hash+key`, as verifiers of other people take it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

/// A key that signs.
#[derive(Clone)]
pub struct Signer {
    name: String,
    key: SigningKey,
}

impl Signer {
    /// A new random key of this name.
    #[must_use]
    pub fn random(name: &str) -> Self {
        Self::from_seed(name, &rand::rng().random())
    }

    /// The key that belongs to these bytes.
    #[must_use]
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Self {
        Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) }
    }

    /// The bytes that it belongs to, to be sealed and nothing else.
    #[must_use]
    pub fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// What is public of it.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    fn line(&self, text: &str) -> String {
        let signed = [&self.verifier().id()[..], &self.key.sign(text.as_bytes()).to_bytes()].concat();
        format!("{DASH}{} {}\n", self.name, BASE64.encode(signed))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier())
    }
}

impl Verifier {
    /// The key of this name and these bytes, if they are one.
    #[must_use]
    pub fn new(name: &str, public: &[u8; 32]) -> Option<Self> {
        let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
        let key = VerifyingKey::from_bytes(public).ok().filter(|_| is_name)?;
        Some(Self { name: name.to_owned(), key })
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the public key.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// What signatures call it: the first bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let hashed =
            Sha256::new_with_prefix(&self.name).chain_update([b'\n', ED25519]).chain_update(self.public());
        let [a, b, c, d, ..]: [u8; 32] = hashed.finalize().into();
        [a, b, c, d]
    }

    /// The same as eight hexadecimal digits.
    #[must_use]
    pub fn key_id(&self) -> String {
        hex::encode(self.id())
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode([&[ED25519][..], &self.public()].concat());
        write!(f, "{}+{}+{key}", self.name, self.key_id())
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was given is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a key as in log+a1b2c3d4+AQ…: its name, its id, and the base64 of an Ed25519 public key")]
pub struct InvalidVerifier;

impl FromStr for Verifier {
    type Err = InvalidVerifier;

    fn from_str(text: &str) -> Result<Self, InvalidVerifier> {
        let parsed = || {
            let (name, rest) = text.split_once('+')?;
            let (id, key) = rest.split_once('+')?;
            let bytes = BASE64.decode(key).ok()?;
            let public = bytes.strip_prefix(&[ED25519])?;
            Self::new(name, public.try_into().ok()?).filter(|verifier| verifier.key_id() == id)
        };
        parsed().ok_or(InvalidVerifier)
    }
}

/// A text and who signed it. That it could be read says nothing of the signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signed {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// What was given is no signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a signed note: a text, an empty line and a line for each signature")]
pub struct InvalidNote;

impl Note {
    /// The text, which ends with a line feed, signed with each key.
    #[must_use]
    pub fn signed(text: &str, signers: &[Signer]) -> String {
        let lines: String = signers.iter().map(|signer| signer.line(text)).collect();
        format!("{text}\n{lines}")
    }

    /// What was signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Those of the keys that have signed it. A signature with a known key that is wrong makes all of it worthless.
    #[must_use]
    pub fn verified_by<'k>(&self, keys: &'k [Verifier]) -> Vec<&'k Verifier> {
        let mut good = vec![];
        for signed in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.name == signed.name && key.id() == signed.id) else {
                continue;
            };
            let signature = Signature::from_slice(&signed.signature).ok();
            if signature
                .is_none_or(|signature| key.key.verify_strict(self.text.as_bytes(), &signature).is_err())
            {
                return vec![];
            }
            if !good.contains(&key) {
                good.push(key);
            }
        }
        good
    }
}

impl FromStr for Note {
    type Err = InvalidNote;

    fn from_str(note: &str) -> Result<Self, InvalidNote> {
        let parsed = || {
            if note.chars().any(|c| c.is_control() && c != '\n') {
                return None;
            }
            let (text, lines) = note.rsplit_once("\n\n")?;
            let lines = lines.strip_suffix('\n')?;
            let signatures: Vec<Signed> = lines.split('\n').map(signature).collect::<Option<_>>()?;
            (signatures.len() <= MOST_SIGNATURES).then(|| Self { text: format!("{text}\n"), signatures })
        };
        parsed().ok_or(InvalidNote)
    }
}

fn signature(line: &str) -> Option<Signed> {
    let (name, signed) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = BASE64.decode(signed).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    let is_whole = !name.is_empty() && !name.contains('+') && !signature.is_empty();
    is_whole.then(|| Signed { name: name.to_owned(), id: *id, signature: signature.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the package that the format comes from, golang.org/x/mod/sumdb/note.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNED: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn peter() -> Signer {
        let seed = BASE64.decode(SEED).unwrap();
        Signer::from_seed("PeterNeumann", seed[1..].try_into().unwrap())
    }

    #[test]
    fn a_note_is_signed_and_checked_as_others_do() {
        assert_eq!(peter().verifier().to_string(), PETER);
        assert_eq!(Note::signed(TEXT, &[peter()]), SIGNED);
        let note: Note = SIGNED.parse().unwrap();
        assert_eq!(note.text(), TEXT);
        let key: Verifier = PETER.parse().unwrap();
        assert_eq!(note.verified_by(std::slice::from_ref(&key)), [&key]);
        assert_eq!(
            format!("{:?}", peter()),
            format!("Signer({PETER})"),
            "nothing of the private key is shown"
        );
    }

    #[test]
    fn of_two_signatures_whoever_knows_either_key_checks_theirs() {
        let (old, new, other) = (Signer::random("log"), Signer::random("log"), Signer::random("log"));
        let note: Note = Note::signed(TEXT, &[old.clone(), new.clone()]).parse().unwrap();
        let (old, new, other) = (old.verifier(), new.verifier(), other.verifier());
        assert_eq!(note.verified_by(std::slice::from_ref(&new)), [&new]);
        assert_eq!(note.verified_by(std::slice::from_ref(&other)), Vec::<&Verifier>::new());
        assert_eq!(note.verified_by(&[other, new.clone(), old.clone()]), [&old, &new]);
    }

    #[test]
    fn a_changed_text_or_signature_is_worthless() {
        let key: Verifier = PETER.parse().unwrap();
        for changed in [SIGNED.replace("answer", "anchor"), SIGNED.replace("x08go/ZJ", "x08go/ZK")] {
            let note: Note = changed.parse().unwrap();
            assert!(note.verified_by(std::slice::from_ref(&key)).is_empty(), "{changed}");
        }
        for wrong in
            ["", "text\n", "text\n\n", "text\n\n- log AAAA\n", "text\n\n\u{2014} log AAAA\n", "a\rb\n\n"]
        {
            assert_eq!(wrong.parse::<Note>(), Err(InvalidNote), "{wrong:?}");
        }
        assert_eq!(SIGNED.trim_end().parse::<Note>(), Err(InvalidNote), "it ends with a line feed");
    }

    #[test]
    fn a_key_whose_id_is_not_its_own_is_none() {
        let wrong =
            [PETER.replace("c74f20a3", "c74f20a4"), PETER.replace("+A", "+B"), "log".into(), "a+b+c".into()];
        for key in wrong {
            assert_eq!(key.parse::<Verifier>(), Err(InvalidVerifier), "{key}");
        }
        assert!(Verifier::new("two words", &peter().verifier().public()).is_none());
    }
}
