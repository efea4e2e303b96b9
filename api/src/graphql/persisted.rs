//! Automatic persisted queries: a client shows the SHA-256 of a document instead of the document, and sends both where
//! the server does not know it (any more).
//!
//! Documents are kept in memory, the least used of them given up for others; of each workspace apart, so that nobody can
//! find out what others ask.

use std::sync::Arc;

use async_graphql::{Request, ServerError, Value, from_value};
use interflow_domain::WorkspaceId;
use moka::sync::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::errors::{coded, server_error};
use crate::error::ApiError;

/// How much is kept: a few thousand documents as clients write them.
const BYTES: u64 = 8 * 1024 * 1024;
/// What a document takes beside its text.
const OVERHEAD: usize = 200;

type Key = (WorkspaceId, [u8; 32]);

/// The documents that are known by their hashes. Cheap to clone.
#[derive(Clone)]
pub struct Persisted(Cache<Key, Arc<str>>);

/// A document that may be kept, once it is known to be one.
pub struct Promise(Option<(Key, Arc<str>)>);

#[derive(Deserialize)]
struct Shown {
    version: i64,
    #[serde(rename = "sha256Hash")]
    sha256: String,
}

impl Persisted {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let weigh = |_: &Key, text: &Arc<str>| u32::try_from(text.len() + OVERHEAD).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(BYTES).weigher(weigh).build())
    }

    /// Puts the document in that a request shows the hash of.
    pub fn resolve(&self, workspace: WorkspaceId, request: &mut Request) -> Result<Promise, ServerError> {
        let Some(shown) = request.extensions.remove("persistedQuery") else { return Ok(Promise(None)) };
        let shown = Self::shown(shown)?;
        let wrong = || {
            refused("The 'persistedQuery' extension must have the SHA-256 of the document as 'sha256Hash'")
        };
        let mut hash = [0; 32];
        hex::decode_to_slice(&shown.sha256, &mut hash).map_err(|_| wrong())?;
        let key = (workspace, hash);
        if request.query.is_empty() {
            // Clients know this by the very word.
            let unknown = || coded("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound");
            request.query = self.0.get(&key).ok_or_else(unknown)?.to_string();
            return Ok(Promise(None));
        }
        if Sha256::digest(request.query.as_bytes()).as_slice() != hash {
            return Err(wrong());
        }
        Ok(Promise(Some((key, request.query.as_str().into()))))
    }

    /// Keeps what was promised.
    pub fn keep(&self, promise: Promise) {
        if let Some((key, text)) = promise.0 {
            self.0.insert(key, text);
        }
    }

    fn shown(shown: Value) -> Result<Shown, ServerError> {
        let shown: Shown = from_value(shown)
            .map_err(|_| refused("The 'persistedQuery' extension must have 'version' and 'sha256Hash'"))?;
        if shown.version == 1 {
            Ok(shown)
        } else {
            Err(coded("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported"))
        }
    }
}

impl Default for Persisted {
    fn default() -> Self {
        Self::new()
    }
}

fn refused(message: &str) -> ServerError {
    server_error(ApiError::invalid(message, vec![]))
}

#[cfg(test)]
mod tests {
    use async_graphql::value;
    use uuid::Uuid;

    use super::*;

    const ONE: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));
    const OTHER: WorkspaceId = WorkspaceId::new(Uuid::from_u128(2));

    fn request(query: &str, version: i64, hash: &str) -> Request {
        let mut request = Request::new(query);
        request
            .extensions
            .insert("persistedQuery".to_owned(), value!({"version": version, "sha256Hash": hash}));
        request
    }

    fn hash(query: &str) -> String {
        hex::encode(Sha256::digest(query))
    }

    #[test]
    fn a_document_is_known_by_its_hash_once_it_was_kept_and_in_its_workspace_alone() {
        let persisted = Persisted::new();
        let query = "{ workspace { slug } }";
        let by_hash = |workspace| {
            let mut request = request("", 1, &hash(query));
            persisted.resolve(workspace, &mut request).map(|_| request.query)
        };
        assert_eq!(by_hash(ONE).unwrap_err().message, "PersistedQueryNotFound");
        let promise = persisted.resolve(ONE, &mut request(query, 1, &hash(query))).unwrap();
        assert!(by_hash(ONE).is_err(), "not before it is known to be good");
        persisted.keep(promise);
        assert_eq!(by_hash(ONE).unwrap(), query);
        assert!(by_hash(OTHER).is_err());
    }

    #[test]
    fn what_is_shown_must_be_what_it_says() {
        let persisted = Persisted::new();
        let code = |mut request: Request| {
            let refused = persisted.resolve(ONE, &mut request).err().unwrap();
            refused.extensions.unwrap().get("code").unwrap().to_string()
        };
        assert_eq!(code(request("{a}", 1, &hash("{b}"))), "\"VALIDATION_ERROR\"");
        assert_eq!(code(request("{a}", 1, "short")), "\"VALIDATION_ERROR\"");
        assert_eq!(code(request("{a}", 2, &hash("{a}"))), "\"PERSISTED_QUERY_NOT_SUPPORTED\"");
        let mut without = Request::new("{a}");
        without.extensions.insert("persistedQuery".to_owned(), value!(7));
        assert_eq!(code(without), "\"VALIDATION_ERROR\"");
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let persisted = Persisted::new();
        for number in 0..300 {
            let query = format!("{{a}}#{number}{}", "x".repeat(60_000));
            persisted.keep(persisted.resolve(ONE, &mut request(&query, 1, &hash(&query))).unwrap());
        }
        persisted.0.run_pending_tasks();
        assert!(persisted.0.weighted_size() <= BYTES && persisted.0.entry_count() > 50);
    }
}
