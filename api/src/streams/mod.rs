//! What stays open: streams of events, however they are carried.
//!
//! Cast:
//! - the live feed ([`Live`]) has what is told;
//! - a [`Listener`] is a stream that is open, however it is carried;
//! - [`Places`] bounds how many streams a key has open;
//! - a [`Watch`] looks at the key of a stream again whenever it may no longer be good;
//! - an [`End`] says why a stream ends, and where its client goes on.

mod end;
mod listener;
mod places;
mod watch;

use interflow_application::live::Live;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use end::End;
pub use listener::{Listener, Told};
pub use places::{Places, StreamPlace};
pub use watch::Watch;

/// What streams need.
#[derive(Clone)]
pub struct Streams {
    /// What is told.
    pub live: Live,
    /// How many are open.
    pub places: Places,
    /// The sockets that are open, which a server that stops says good-bye to.
    pub sockets: TaskTracker,
    /// The server is on its way down.
    pub stopping: CancellationToken,
}

impl Streams {
    /// Streams of this feed, so many of a key at a time.
    #[must_use]
    pub fn new(live: Live, most_of_a_key: usize) -> Self {
        let (sockets, stopping) = (TaskTracker::new(), CancellationToken::new());
        Self { live, places: Places::new(most_of_a_key), sockets, stopping }
    }

    /// Waits for the sockets to say good-bye.
    pub async fn closed(&self) {
        self.sockets.close();
        self.sockets.wait().await;
    }
}
