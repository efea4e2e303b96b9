//! What was told before, in pages that everybody who begins in the past shares.

use std::sync::Arc;

use interflow_domain::WorkspaceId;
use tokio::sync::Mutex;

use super::LiveEvent;
use super::maker::Maker;
use crate::log::{EventLog, LogError};
use crate::webhook::Recent;

/// How many events of the log a page has.
const PAGE: u64 = 128;
/// How many pages are kept.
const KEPT: usize = 16;

/// Part of the past.
#[derive(Clone)]
pub(super) struct Page {
    /// What is told, in order.
    pub events: Vec<Arc<LiveEvent>>,
    /// Up to where the log was looked through.
    pub until: u64,
}

pub(super) struct Pages {
    log: Arc<dyn EventLog>,
    workspace: WorkspaceId,
    /// Locked while a page is made: of many who want the same, one reads.
    shelf: Mutex<Shelf>,
}

struct Shelf {
    pages: Recent<u64, Page>,
    /// Goes on where the last page that was made ended, if that is where the next one begins.
    maker: Maker,
    erasures: u64,
}

impl Pages {
    pub fn new(log: Arc<dyn EventLog>, workspace: WorkspaceId) -> Self {
        let maker = Maker::new(Arc::clone(&log), workspace, 0);
        let shelf = Mutex::new(Shelf { pages: Recent::new(KEPT), maker, erasures: 0 });
        Self { log, workspace, shelf }
    }

    /// What follows a position; up to that position itself at the log's end.
    pub async fn after(&self, position: u64) -> Result<Page, LogError> {
        let number = position / PAGE;
        let mut shelf = self.shelf.lock().await;
        let shelf = &mut *shelf;
        let erasures = self.log.erasures(self.workspace).await?;
        if shelf.erasures != erasures {
            shelf.pages.clear();
            shelf.maker.forget();
            shelf.erasures = erasures;
        }
        let mut page =
            shelf.pages.get(number).unwrap_or_else(|| Page { events: vec![], until: number * PAGE });
        if page.until <= position {
            let rest = u32::try_from((number + 1) * PAGE - page.until).unwrap_or_default();
            let events = self.log.read(self.workspace, page.until, rest).await?;
            if shelf.maker.position != page.until {
                shelf.maker = Maker::new(Arc::clone(&self.log), self.workspace, page.until);
            }
            for recorded in events {
                page.until = recorded.position;
                page.events.extend(shelf.maker.make(recorded).await?);
            }
            shelf.pages.put(number, page.clone(), 1);
        }
        let events = page.events.iter().filter(|event| event.position() > position).cloned().collect();
        Ok(Page { events, until: page.until.max(position) })
    }
}
