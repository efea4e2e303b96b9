//! What handlers take apart: bodies, ids in paths, pages, conditions. Each refuses with the documented error.

mod body;
mod call;
mod conditional;
mod form;
mod idempotency_key;
mod page;
mod path;

pub use body::{Body, read_body};
pub use call::{Call, reused};
pub use conditional::{IfMatch, IfNoneMatch};
pub use form::{Form, FromForm};
pub use idempotency_key::idempotency_key;
pub use page::Paging;
pub use path::{InPath, Resolves};
