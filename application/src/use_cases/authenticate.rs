use sha2::{Digest, Sha256};

use crate::read::ApiKey;
use crate::{Core, Error};

/// The key a secret belongs to, unless there is none or it has expired.
pub async fn authenticate(core: &Core, secret: &str) -> Result<Option<ApiKey>, Error> {
    let key = core.reads.api_key(&hex::encode(Sha256::digest(secret))).await?;
    Ok(key.filter(|key| key.expires_at.is_none_or(|expiry| core.clock.now() < expiry)))
}
