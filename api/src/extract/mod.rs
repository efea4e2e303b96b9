//! What handlers take apart: bodies, ids in paths, pages, conditions. Each refuses with the documented error.

mod as_of;
mod body;
mod call;
mod conditional;
mod form;
mod idempotency_key;
mod listing;
mod optional_body;
mod page;
mod path;
mod query;

pub use as_of::{PagedWhen, When, past_one, point_of, seen};
pub use body::{Body, BodyLimit, read_body};
pub use call::{Call, reused};
pub use conditional::{IfMatch, IfNoneMatch};
pub use form::{Form, FromForm};
pub use idempotency_key::{checked_key, idempotency_key};
pub use listing::{FromQuery, Listed, fingerprint};
pub use optional_body::OptionalBody;
pub use page::{Paging, page_request};
pub use path::{InPath, Resolves};
pub use query::Query;
