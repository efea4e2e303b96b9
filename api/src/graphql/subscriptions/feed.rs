//! A subscription's end of the live feed.

use std::sync::Arc;

use async_graphql::{Context, Error, ErrorExtensionValues, ID};
use futures::{Stream, stream};
use interflow_application::ChannelRef;
use interflow_application::live::{Filter, Item, Since};
use interflow_application::webhook::patterns;
use interflow_domain::webhook::Format;
use interflow_domain::workspace::Scope;

use super::super::asker::Asker;
use super::super::scalars::Long;
use super::super::socket::Progress;
use tokio_util::sync::CancellationToken;

use crate::auth::Pass;
use crate::error::ApiError;
use crate::extract::Query;
use crate::streams::{End, Listener, Told};

/// Events of these types, or of what these patterns mean.
pub fn matching(types: Option<Vec<String>>) -> Result<Filter, ApiError> {
    let types = types.unwrap_or_default();
    let patterns = patterns(Format::Standard, types.iter().map(String::as_str));
    Ok(Filter::matching(&patterns.map_err(|error| Query::refused("types", error))?))
}

/// What a subscription is about.
pub struct Narrowed {
    pub channel: Option<ID>,
    pub chat: Option<ID>,
    pub customer: Option<ID>,
}

impl Narrowed {
    /// The filter that lets nothing else through, for a key with these scopes.
    pub async fn filter(
        self,
        context: &Context<'_>,
        scopes: &[Scope],
        mut wanted: Filter,
    ) -> Result<Filter, ApiError> {
        let asker = Asker::of(context)?;
        scopes.iter().try_for_each(|scope| asker.may(*scope))?;
        let wrong = |name: &'static str| move |error: String| Query::refused(name, error);
        let chat = self.chat.map(|id| id.parse()).transpose();
        let chat = chat.map_err(|error: interflow_domain::InvalidId| wrong("chat_id")(error.to_string()))?;
        let customer = self.customer.map(|id| id.parse()).transpose();
        let customer =
            customer.map_err(|error: interflow_domain::InvalidId| wrong("customer_id")(error.to_string()))?;
        let channel = match self.channel {
            Some(id) => {
                let none = || Query::refused("channel_id", "must name a channel that there is");
                let named: ChannelRef = id.parse().map_err(|_| none())?;
                Some(named.named(&*asker.app.core.reads, asker.workspace()).await?.ok_or_else(none)?)
            }
            None => None,
        };
        (wanted.channel, wanted.chat, wanted.customer) = (channel, chat, customer);
        Ok(wanted)
    }
}

/// Follows the feed, as far as this key may, and shapes what is told.
pub async fn follow<T>(
    context: &Context<'_>,
    scope: Scope,
    filter: Filter,
    since: Option<Long>,
    shape: fn(Item) -> Option<T>,
) -> Result<impl Stream<Item = Result<T, Error>> + use<T>, ApiError> {
    let asker = Asker::of(context)?;
    let (Some(pass), Some(progress)) = (context.data_opt::<Pass>(), context.data_opt::<Arc<Progress>>())
    else {
        return Err(ApiError::internal("a subscription without a socket"));
    };
    let since = since.map_or(Since::Now, |Long(position)| Since::Position(position));
    let listener = Listener::open(&asker.app, pass.clone(), asker.client(), scope, filter, since).await?;
    let stopping = asker.app.streams.stopping.clone();
    let open = Open { listener, stopping, progress: Arc::clone(progress), over: false };
    Ok(stream::unfold(open, move |mut open| async move {
        let told = open.next(shape).await?;
        Some((told, open))
    }))
}

struct Open {
    listener: Listener,
    stopping: CancellationToken,
    progress: Arc<Progress>,
    over: bool,
}

impl Open {
    async fn next<T>(&mut self, shape: fn(Item) -> Option<T>) -> Option<Result<T, Error>> {
        if self.over {
            return None;
        }
        loop {
            // Whoever asks for the next has passed on what came before.
            self.progress.told_up_to(self.listener.position());
            match self.listener.next().await {
                Told::Item(item) => {
                    if let Some(shaped) = shape(item) {
                        return Some(Ok(shaped));
                    }
                }
                Told::Quiet => {}
                // The socket says so, once for all that was asked over it.
                Told::End(_) if self.stopping.is_cancelled() => std::future::pending().await,
                Told::End(end) => {
                    self.over = true;
                    let error = ended(&end);
                    self.progress.end(end);
                    return Some(Err(error));
                }
            }
        }
    }
}

/// Why a subscription ends, and where its client goes on.
fn ended(end: &End) -> Error {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", end.code);
    extensions.set("resumeAfter", end.resume_after);
    Error { extensions: Some(extensions), ..Error::new(end.message.clone()) }
}
