//! What surrounds every request, from the outside in: its id, its line in the log, panics, the time-out, and what is
//! left of its body.

mod access_log;
mod leftover;
mod panic;
mod request_id;
mod timeout;

pub use access_log::access_log;
pub use leftover::leftover;
pub use panic::{answer_panic, log_panics};
pub use request_id::{RequestId, request_id};
pub use timeout::timeout;
