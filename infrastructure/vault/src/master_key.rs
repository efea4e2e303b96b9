//! The one secret an operator keeps: 32 random bytes, in the environment or in the data directory.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::{KEY_LEN, SealingKey};

const FILE_NAME: &str = "master.key";

/// The master key. Keys for each purpose are derived from it; it seals nothing itself.
#[derive(Debug, Clone)]
pub struct MasterKey(SealingKey);

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
        Ok(Self(SealingKey::new(bytes)))
    }

    /// The key kept in `directory/master.key`; made and flushed to disk when there is none yet.
    pub fn load_or_create(directory: &Path) -> Result<Self, MasterKeyError> {
        let path = directory.join(FILE_NAME);
        let failed = |source| MasterKeyError::File { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(text) => return Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
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
    fn hex_and_base64_are_read_and_anything_else_is_refused() {
        let hex = "00".repeat(32);
        let base64 = format!("{}=", "A".repeat(43));
        assert_eq!(MasterKey::parse(&hex).unwrap().0.expose(), MasterKey::parse(&base64).unwrap().0.expose());
        for text in ["", "abc", &"00".repeat(31), &"zz".repeat(32)] {
            assert!(matches!(MasterKey::parse(text), Err(MasterKeyError::Malformed)), "{text}");
        }
    }
}
