//! The one secret an operator keeps: 32 random bytes, in the environment or in the data directory.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{KEY_LEN, SealingKey};

const FILE_NAME: &str = "master.key";

/// The new key of a rotation, until the rotation is done.
const DRAFT_NAME: &str = "master.key.new";

/// The master key. Keys for each purpose are derived from it; it seals nothing itself.
#[derive(Debug, Clone)]
pub struct MasterKey(SealingKey);

impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not a key.
    #[error(
        "the master key must be 64 hexadecimal digits or the base64 form of 32 bytes (try: openssl rand -hex 32)"
    )]
    Malformed,
    /// The key file cannot be read or written.
    #[error("the master key file {path} cannot be used: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl MasterKey {
    /// The key from its text: 64 hexadecimal digits, or base64 of 32 bytes.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        use base64::Engine as _;
        let text = text.trim();
        let bytes = hex::decode(text)
            .ok()
            .filter(|bytes| bytes.len() == KEY_LEN)
            .or_else(|| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .ok_or(MasterKeyError::Malformed)?;
        let bytes: [u8; KEY_LEN] = bytes.try_into().map_err(|_| MasterKeyError::Malformed)?;
        Ok(Self::from_bytes(bytes))
    }

    pub(crate) fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(SealingKey::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        self.0.expose()
    }

    /// The key kept in `directory/master.key`; made and flushed to disk when there is none yet.
    pub fn load_or_create(directory: &Path) -> Result<Self, MasterKeyError> {
        let path = directory.join(FILE_NAME);
        let failed = |source| MasterKeyError::File { path: path.clone(), source };
        if let Some(key) = Self::read(&path)? {
            return Ok(key);
        }
        fs::create_dir_all(directory).map_err(failed)?;
        let key = SealingKey::random();
        // Written aside and linked into place, so that a crash leaves either no key or a whole one, and of two
        // processes that start at once both use the key of the first.
        let draft = directory.join(format!("{FILE_NAME}.{}", std::process::id()));
        write_private(&draft, &hex::encode(key.expose())).map_err(failed)?;
        let linked = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Ok(()) => fs::File::open(directory).and_then(|dir| dir.sync_all()).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        Self::parse(&fs::read_to_string(&path).map_err(failed)?)
    }

    /// The key kept in `directory/master.key`, where there is one.
    pub fn load(directory: &Path) -> Result<Option<Self>, MasterKeyError> {
        Self::read(&directory.join(FILE_NAME))
    }

    /// The key that is to take the place of the one kept in the directory: this one, or a random one when none is given. It
    /// is on the disk beside the present one when this returns, and found there by whoever asks again after a crash.
    pub fn draft(directory: &Path, given: Option<&Self>) -> Result<Self, MasterKeyError> {
        let path = directory.join(DRAFT_NAME);
        if let Some(known) = Self::read(&path)?.filter(|known| given.is_none_or(|given| given == known)) {
            return Ok(known);
        }
        let failed = |source| MasterKeyError::File { path: path.clone(), source };
        let key = given.cloned().unwrap_or_else(Self::random);
        write_private(&path, &hex::encode(key.bytes())).map_err(failed)?;
        fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok(key)
    }

    /// Puts the key that was drafted in the place of the one kept in the directory, which is gone then.
    pub fn adopt_draft(directory: &Path) -> Result<(), MasterKeyError> {
        let path = directory.join(DRAFT_NAME);
        let adopted = fs::rename(&path, directory.join(FILE_NAME));
        let adopted =
            adopted.and_then(|()| fs::File::open(directory)).and_then(|directory| directory.sync_all());
        adopted.map_err(|source| MasterKeyError::File { path, source })
    }

    fn read(path: &Path) -> Result<Option<Self>, MasterKeyError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(MasterKeyError::File { path: path.to_owned(), source }),
        }
    }

    /// The key for one purpose: independent of the keys for all others.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> SealingKey {
        SealingKey::new(self.0.fingerprint(purpose.as_bytes()))
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_private_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let made = MasterKey::load_or_create(directory.path()).unwrap();
        let read = MasterKey::load_or_create(directory.path()).unwrap();
        assert_eq!(made.derive("x").expose(), read.derive("x").expose());
        assert_ne!(made.derive("x").expose(), made.derive("y").expose());
        let mode = fs::metadata(directory.path().join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_new_key_waits_beside_the_present_one_and_takes_its_place_once() {
        let directory = tempfile::tempdir().unwrap();
        assert!(MasterKey::load(directory.path()).unwrap().is_none());
        let old = MasterKey::load_or_create(directory.path()).unwrap();
        let new = MasterKey::draft(directory.path(), None).unwrap();
        assert!(new != old && MasterKey::load(directory.path()).unwrap() == Some(old));
        assert!(MasterKey::draft(directory.path(), None).unwrap() == new, "after a crash it is found again");
        let mode = fs::metadata(directory.path().join(DRAFT_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        MasterKey::adopt_draft(directory.path()).unwrap();
        assert!(MasterKey::load_or_create(directory.path()).unwrap() == new);
        let given = MasterKey::random();
        assert!(MasterKey::draft(directory.path(), Some(&given)).unwrap() == given);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn hex_and_base64_are_read_and_anything_else_is_refused() {
        let hex = "00".repeat(32);
        let base64 = format!("{}=", "A".repeat(43));
        assert_eq!(MasterKey::parse(&hex).unwrap().0.expose(), MasterKey::parse(&base64).unwrap().0.expose());
        for text in ["", "abc", &"00".repeat(31), &"zz".repeat(32)] {
            assert!(matches!(MasterKey::parse(text), Err(MasterKeyError::Malformed)), "{text}");
        }
    }
}
