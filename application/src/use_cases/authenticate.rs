use sha2::{Digest, Sha256};

use crate::read::Credential;
use crate::{Core, Error};

/// What a secret opens, unless that is nothing or it has expired.
pub async fn authenticate(core: &Core, secret: &str) -> Result<Option<Credential>, Error> {
    let known = core.reads.credential(&hex::encode(Sha256::digest(secret))).await?;
    Ok(known.filter(|known| known.expires_at.is_none_or(|expiry| core.clock.now() < expiry)))
}
