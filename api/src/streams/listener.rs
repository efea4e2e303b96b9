//! A stream that is open: what is told next, until it ends. However it is carried, it ends for the same reasons.

use std::pin::pin;

use interflow_application::live::{Filter, Item, SignalKind, Since, SubscribeError, Subscription};
use interflow_domain::workspace::Scope;
use tokio::time::sleep;

use super::{End, StreamPlace, Watch};
use crate::auth::{Caller, Pass};
use crate::error::ApiError;
use crate::extract::Query;
use crate::layers::Client;
use crate::state::App;

/// What is read by an event that is told, and by a QR, as the routes to them have it.
const EVENTS: &str = "events.stream";
const QR: &str = "channels.qr";

/// An open stream.
pub struct Listener {
    app: App,
    caller: Caller,
    client: Client,
    subscription: Subscription,
    watch: Watch,
    _place: StreamPlace,
}

/// What comes next.
pub enum Told {
    /// Something happened.
    Item(Item),
    /// Nothing happened for a heartbeat.
    Quiet,
    /// Nothing follows.
    End(End),
}

impl Listener {
    /// Opens a stream for a key that must have this scope. QRs are for keys that may read channels.
    pub async fn open(
        app: &App,
        pass: Pass,
        client: Client,
        scope: Scope,
        mut filter: Filter,
        since: Since,
    ) -> Result<Self, ApiError> {
        let place = app.streams.places.enter(pass.caller.key)?;
        let known = pass.check(app, Some(scope)).await?;
        // Whoever has the QR may link the channel.
        filter.qr &= Scope::ChannelsRead.is_within(known.scopes.iter());
        let subscribed = app.streams.live.subscribe(pass.caller.workspace, filter, since).await;
        let subscription = subscribed.map_err(refused)?;
        let access = subscription.access();
        // Looked at after the feed began to hear of revocations.
        let known = pass.check(app, Some(scope)).await?;
        let caller = pass.caller;
        let watch = Watch::new(app, pass, Some(scope), &known, access);
        Ok(Self { app: app.clone(), caller, client, subscription, watch, _place: place })
    }

    /// Up to where everything that was asked for has been told.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.subscription.position()
    }

    /// What comes next, within a heartbeat. To be waited for until it is there.
    pub async fn next(&mut self) -> Told {
        let mut quiet = pin!(sleep(self.app.settings.stream_heartbeat));
        loop {
            let Self { app, subscription, watch, .. } = self;
            tokio::select! {
                // A client that is behind must not outlive its key.
                biased;
                () = app.streams.stopping.cancelled() => return Told::End(End::stopping(subscription.position())),
                () = watch.due() => {
                    if let Err(error) = watch.look(app).await {
                        return Told::End(End::refused(&error, subscription.position()));
                    }
                }
                item = subscription.next() => {
                    return match item {
                        Ok(item) => Told::Item(self.noted(item)),
                        Err(cut) => Told::End(End::cut(cut, subscription.position())),
                    };
                }
                () = &mut quiet => return Told::Quiet,
            }
        }
    }

    /// What comes next and is there already.
    pub fn next_ready(&mut self) -> Option<Item> {
        let item = self.subscription.next_ready()?;
        Some(self.noted(item))
    }

    /// Notes who sees what is told: in every minute in which something is, and not only when the stream is opened.
    fn noted(&self, item: Item) -> Item {
        match &item {
            Item::Event(_) => self.app.saw(self.caller, self.client, EVENTS.to_owned(), None, 1),
            Item::Signal(signal) => match signal.kind {
                // Whoever has it may link the channel.
                SignalKind::Qr { .. } => {
                    self.app.saw(
                        self.caller,
                        self.client,
                        QR.to_owned(),
                        Some(signal.channel.to_string()),
                        0,
                    );
                }
                // Gone in the moment in which it is told, and kept nowhere else.
                SignalKind::Activity(_) => {}
            },
        }
        item
    }
}

/// Why there is no stream.
fn refused(error: SubscribeError) -> ApiError {
    match error {
        SubscribeError::BeyondTheEnd { end } => {
            Query::refused("since", format!("must not be beyond the log's end, which is at {end}"))
        }
        SubscribeError::Log(error) => error.into(),
    }
}
