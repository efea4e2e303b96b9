//! Messages as of a position. None is ever gone, and of what they are found by only the status changes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use interflow_application::past::{Past, PastError};
use interflow_application::read::{Listing, Marked, Message, MessageFilter, MessageSort, Start};
use interflow_domain::{InstanceId, MessageId};
use serde_json::{Value, json};

use super::{CANDIDATE, Candidate, FOLDED, Source, page};
use crate::event_log::Failure;
use crate::read_models::conversations::message::Row;
use crate::read_models::past::look::{Aged, Look};
use crate::read_models::reads::listing::{Query, messages};

struct Messages<'a> {
    listing: &'a Listing<MessageFilter, MessageSort>,
    /// The one the filter names.
    channel: Option<InstanceId>,
    at: u64,
    latest: DateTime<Utc>,
}

/// `channel` is the one the filter names.
pub(in crate::read_models::past) async fn list(
    look: &Look,
    at: u64,
    channel: Option<InstanceId>,
    listing: &Listing<MessageFilter, MessageSort>,
) -> Result<Marked<Past<Message>>, PastError> {
    let Some(latest) = look.latest(at).await? else { return Ok(Marked::empty()) };
    page(&Messages { listing, channel, at, latest }, look, (&listing.start, listing.size)).await
}

#[async_trait]
impl Source for Messages<'_> {
    type Row = Row;
    type View = Message;

    fn is_sifted(&self) -> bool {
        self.listing.filter.status.is_some()
    }

    fn query(&self) -> Query {
        let Listing { filter, sort, .. } = self.listing;
        messages::that_got(filter.status, sort.descending)
    }

    fn most(&self) -> u32 {
        FOLDED
    }

    fn in_order(&self) -> Result<(), PastError> {
        Ok(())
    }

    async fn candidates(
        &self,
        look: &Look,
        start: &Start,
        size: u32,
    ) -> Result<Marked<Candidate>, PastError> {
        let filter = MessageFilter { status: None, ..self.listing.filter.clone() };
        let listing = Listing { filter, ..self.listing.clone() };
        let query = messages::query(look.workspace, self.channel, &listing);
        let query = query.until((self.at, self.latest), CANDIDATE);
        Ok(query.page(&look.pool, look.workspace, (start, size), Candidate::decode).await?)
    }

    async fn fold(&self, look: &Look, candidates: &[Candidate]) -> Result<Vec<Option<Aged<Row>>>, Failure> {
        let wanted: Vec<_> = candidates.iter().map(|one| (MessageId::new(one.id), self.at)).collect();
        look.messages(&wanted).await
    }

    fn columns(Row { view, created_position, .. }: &Row) -> Value {
        json!({
            "id": view.id.uuid(),
            "status": view.status.name(),
            "created_at": view.created_at,
            "created_position": created_position,
        })
    }

    fn view(row: Row) -> Message {
        row.view
    }
}
