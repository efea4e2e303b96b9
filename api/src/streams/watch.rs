//! Looks at the key of a stream again: when something was revoked in its workspace, when the workspace was suspended,
//! and when the key expires.

use std::time::Duration;

use interflow_application::read::Credential;
use interflow_domain::workspace::Scope;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::auth::Pass;
use crate::error::{ApiError, Code};
use crate::state::App;

/// When it is looked again at a key that could not be looked at.
const AGAIN: Duration = Duration::from_secs(1);
/// A timer is set for no longer: it is looked again then.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The key of a stream.
pub struct Watch {
    pass: Pass,
    scope: Option<Scope>,
    next: Instant,
    access: watch::Receiver<()>,
}

impl Watch {
    /// Of a key that was found to be good after `access` was had.
    #[must_use]
    pub fn new(
        app: &App,
        pass: Pass,
        scope: Option<Scope>,
        known: &Credential,
        access: watch::Receiver<()>,
    ) -> Self {
        Self { pass, scope, next: Self::expiry(app, known), access }
    }

    fn expiry(app: &App, known: &Credential) -> Instant {
        let left = known.expires_at.map(|at| (at - app.core.clock.now()).to_std().unwrap_or_default());
        // A moment later, so that it has passed when it is looked.
        Instant::now() + left.map_or(LONGEST, |left| (left + Duration::from_millis(5)).min(LONGEST))
    }

    /// Returns when the key is to be looked at. May be given up at any time.
    pub async fn due(&mut self) {
        tokio::select! {
            biased;
            // The feed outlives its watches.
            _ = self.access.changed() => {}
            () = sleep_until(self.next) => {}
        }
    }

    /// Looks at the key: says why the stream ends, if it does.
    pub async fn look(&mut self, app: &App) -> Result<(), ApiError> {
        match self.pass.check(app, self.scope).await {
            Ok(known) => self.next = Self::expiry(app, &known),
            Err(error) if matches!(error.code(), Code::Unavailable | Code::Internal) => {
                self.next = Instant::now() + AGAIN;
            }
            Err(refused) => return Err(refused),
        }
        Ok(())
    }
}
