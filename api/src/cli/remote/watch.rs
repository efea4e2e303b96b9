//! Asking again until something changes, also while the server restarts or is busy.

use std::time::{Duration, Instant};

use ureq::http::HeaderValue;

use super::client::{Call, Client, Data, Path};
use super::failure::Failure;
use super::screen::Screen;

/// How soon it is asked again after a change, and, when nothing changes, how late.
const SOON: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(3);
/// How long a server that is away is left alone.
const AWAY: Duration = Duration::from_secs(1);

/// How long until a moment; without one, for ever.
#[must_use]
pub fn left(until: Option<Instant>) -> Duration {
    until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
}

/// Bears with a server that is away, once it has been there.
pub struct Patience {
    screen: Screen,
    was_there: bool,
    is_away: bool,
}

impl Patience {
    #[must_use]
    pub const fn new(screen: Screen) -> Self {
        Self { screen, was_there: false, is_away: false }
    }

    /// What was answered; nothing, after a while, when the same may be answered later.
    pub async fn bear<T>(
        &mut self,
        answered: Result<T, Failure>,
        until: Option<Instant>,
    ) -> Result<Option<T>, Failure> {
        match answered {
            Ok(answer) => {
                if self.is_away {
                    self.screen.remark("The server answers again.");
                }
                (self.was_there, self.is_away) = (true, false);
                Ok(Some(answer))
            }
            Err(failure) if self.was_there && failure.is_passing() => {
                if !self.is_away {
                    self.screen.remark(&format!("{failure}: trying again ..."));
                }
                self.is_away = true;
                let wait = if let Failure::Refused(refusal) = failure { refusal.retry_after } else { None };
                tokio::time::sleep(wait.unwrap_or(AWAY).min(left(until))).await;
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

/// One resource, looked at again and again.
pub struct Watch<'a> {
    client: &'a Client,
    path: Path<'a>,
    known: Option<HeaderValue>,
    pause: Duration,
    patience: Patience,
}

impl<'a> Watch<'a> {
    #[must_use]
    pub const fn new(client: &'a Client, screen: Screen, path: Path<'a>) -> Self {
        Self { client, path, known: None, pause: Duration::ZERO, patience: Patience::new(screen) }
    }

    /// What it is now, as soon as that is not what it was when it was last asked; nothing when it is the same until then.
    pub async fn changed(&mut self, until: Option<Instant>) -> Result<Option<Data>, Failure> {
        loop {
            let left = left(until);
            if !self.pause.is_zero() && left.is_zero() {
                return Ok(None);
            }
            tokio::time::sleep(self.pause.min(left)).await;
            let call = Call { path: self.path, known: self.known.clone(), ..Call::default() };
            let answered = self.client.call(call).await;
            self.pause = self.pause.mul_f32(1.5).clamp(SOON, LATE);
            let Some(answer) = self.patience.bear(answered, until).await? else { continue };
            if let Some(data) = answer.data {
                self.known = answer.tag;
                self.pause = SOON;
                return Ok(Some(data));
            }
        }
    }
}
