//! What every verb of a chat begins with.

use std::sync::Arc;

use interflow_domain::ChatId;
use interflow_domain::chat::Chat;

use crate::log::StreamId;
use crate::{Decision, Error, Resource};

/// The chat, which must exist and, where the caller says so, have this version.
pub(super) async fn existing_chat(
    decision: &mut Decision<'_>,
    id: ChatId,
    expected: Option<u64>,
) -> Result<Arc<Chat>, Error> {
    let stream = StreamId::Chat(id);
    let chat = decision.load::<Chat>(stream).await?;
    if !chat.exists() {
        return Err(Error::NotFound(Resource::Chat));
    }
    decision.expect_version(stream, expected).await?;
    Ok(chat)
}
