//! Changes of API keys.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use interflow_application::{Resource, RevokeKey};
use interflow_domain::KeyId;
use interflow_domain::workspace::Scope;
use serde::Serialize;

use super::CHANGE;
use super::payloads::DeletedPayload;
use crate::error::ApiError;
use crate::graphql::change::{Change, named, read, version};
use crate::graphql::guard::{Told, needs};
use crate::graphql::scalars::Long;
use crate::graphql::types::Key;
use crate::rest::v1::keys::{Draft, Overlap, issue, key_of, renew};
use crate::time::Timestamp;

/// A key that is to be.
#[derive(InputObject, Serialize)]
pub struct CreateKeyInput {
    /// What people are to call it.
    name: String,
    /// What it may do, such as `chats:read`: nothing that the key that asks may not do itself.
    scopes: Vec<String>,
    /// When it stops working; never without it.
    expires_at: Option<Timestamp>,
}

/// Which key is to get another secret.
#[derive(InputObject, Serialize)]
pub struct RotateKeyInput {
    /// The key's id.
    #[serde(skip)]
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the key has another version.
    #[serde(skip)]
    expected_version: Option<Long>,
    /// How long the secret before goes on working, in seconds: a day when it is left out, a week at most.
    overlap_seconds: Option<i32>,
}

/// Which key is to be revoked.
#[derive(InputObject)]
pub struct RevokeKeyInput {
    /// The key's id.
    id: ID,
    /// Refused (`PRECONDITION_FAILED`) when the key has another version.
    expected_version: Option<Long>,
}

/// A key with its secret, which is shown here and nowhere else.
#[derive(SimpleObject)]
pub struct KeySecretPayload {
    /// The key as it is now.
    key: Key,
    /// What callers show: `Authorization: Bearer <secret>`.
    secret: String,
}

impl KeySecretPayload {
    pub(super) fn new(key: impl Into<Key>, secret: String) -> Self {
        Self { key: key.into(), secret }
    }

    async fn of(change: &Change<'_>, id: KeyId, secret: String) -> Result<Option<Self>, ApiError> {
        let key = change.app.core.reads.api_key(change.call.workspace(), id).await?;
        let key = key.ok_or_else(|| ApiError::no_such(Resource::Key))?;
        Ok(Some(Self::new(key, secret)))
    }
}

#[derive(Default)]
pub struct KeyMutation;

#[Object]
impl KeyMutation {
    /// Creates an API key. Its secret is in this answer and nowhere else. Needs `keys:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn create_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateKeyInput,
        #[graphql(desc = "A repetition with the same key makes nothing, and gives the same secret.")]
        idempotency_key: Option<String>,
    ) -> Told<KeySecretPayload> {
        needs(context, Scope::KeysWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let (id, secret) = issue(change.app, &change.call, read::<Draft>(&input)?).await?;
            KeySecretPayload::of(&change, id, secret).await
        })
        .await
    }

    /// Gives an API key another secret; the one before works for a while yet. Needs `keys:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn rotate_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RotateKeyInput,
        #[graphql(desc = "A repetition with the same key changes nothing, and gives the same secret.")]
        idempotency_key: Option<String>,
    ) -> Told<KeySecretPayload> {
        needs(context, Scope::KeysWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let id = named::<KeyId>(&input.id)?;
            let Overlap(overlap) = read(&input)?;
            let expected = version(input.expected_version);
            let secret = renew(change.app, &change.call, id, overlap, expected).await?;
            KeySecretPayload::of(&change, id, secret).await
        })
        .await
    }

    /// Revokes an API key. Needs `keys:write`.
    #[graphql(complexity = "CHANGE + child_complexity")]
    async fn revoke_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeKeyInput,
        #[graphql(desc = "A repetition with the same key changes nothing.")] idempotency_key: Option<String>,
    ) -> Told<DeletedPayload> {
        needs(context, Scope::KeysWrite, async {
            let change = Change::begin(context, idempotency_key.as_deref()).await?;
            let key_id = named::<KeyId>(&input.id)?;
            let expected = version(input.expected_version);
            let id = change.call.run(&RevokeKey { key_id, expected }, key_of).await?;
            Ok(Some(DeletedPayload::of(id)))
        })
        .await
    }
}
