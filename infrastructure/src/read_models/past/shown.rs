//! One thing at several positions, to see what its events changed; and several things at one.

use std::sync::Arc;

use interflow_application::log::{Event, LogError, RecordedEvent, State, StreamId, Streamed};
use interflow_application::past::{Past, Shown, Thing};
use interflow_application::webhook::views::WebhookRow;
use interflow_domain::webhook::Webhook;
use interflow_domain::workspace::WorkspaceEvent;
use interflow_domain::{KeyId, WebhookId};

use super::chats;
use super::look::Look;
use crate::read_models::{api_keys, channels, conversations, customers, webhooks, workspaces};

/// What it was as of each of the positions.
pub(super) async fn shown(
    look: &Look,
    thing: Thing,
    at: &[u64],
) -> Result<Vec<Option<Past<Shown>>>, LogError> {
    match thing {
        Thing::Chat(id) => {
            let wanted: Vec<_> = at.iter().map(|at| (id, *at)).collect();
            let rows = chats::rows(look, &wanted).await?.into_iter();
            Ok(rows.map(|row| row.map(|aged| aged.shown(|row| Shown::Chat(row.view)))).collect())
        }
        Thing::Customer(id) => {
            along(look, StreamId::Customer(id), at, customers::fold, |row| Shown::Customer(row.view)).await
        }
        Thing::Message(id) => {
            let fold = |row: &mut _, recorded: &RecordedEvent| conversations::message::fold(row, recorded, 0);
            along(look, StreamId::Message(id), at, fold, |row| Shown::Message(row.view)).await
        }
        Thing::Channel(id) => {
            along(look, StreamId::Instance(id), at, channels::fold, |row| Shown::Channel(row.view)).await
        }
        Thing::Webhook(id) => webhook(look, id, at).await,
        Thing::Workspace => {
            let id = look.workspace;
            let fold = |row: &mut _, recorded: &RecordedEvent| workspaces::fold(row, id, recorded);
            along(look, StreamId::Workspace(id), at, fold, |row| Shown::Workspace(row.view)).await
        }
        Thing::Key(id) => {
            let fold = |row: &mut _, recorded: &RecordedEvent| {
                if is_of_key(&recorded.event, id) {
                    api_keys::fold(row, recorded);
                }
            };
            let stream = StreamId::Workspace(look.workspace);
            along(look, stream, at, fold, |row: api_keys::Row| Shown::Key(row.view)).await
        }
    }
}

/// What each of these was as of a position: as many statements as there are kinds, however many things.
pub(super) async fn each(
    look: &Look,
    at: u64,
    things: &[Thing],
) -> Result<Vec<Option<Past<Shown>>>, LogError> {
    let mut found = vec![None; things.len()];
    let chats: Vec<_> =
        picked(things, |thing| if let Thing::Chat(id) = thing { Some((id, at)) } else { None });
    let (places, wanted): (Vec<_>, Vec<_>) = chats.into_iter().unzip();
    for (place, row) in places.into_iter().zip(chats::rows(look, &wanted).await?) {
        found[place] = row.map(|aged| aged.shown(|row| Shown::Chat(row.view)));
    }
    macro_rules! streams {
        ($kind:ident, $fold:expr) => {{
            let stream =
                |thing: Thing| matches!(thing, Thing::$kind(_)).then(|| (thing.stream(look.workspace), at));
            let (places, wanted): (Vec<_>, Vec<_>) = picked(things, stream).into_iter().unzip();
            for (place, row) in places.into_iter().zip(look.folded(&wanted, $fold).await?) {
                found[place] = row.map(|aged| aged.shown(|row| Shown::$kind(row.view)));
            }
        }};
    }
    streams!(Customer, customers::fold);
    streams!(Channel, channels::fold);
    streams!(Message, |row: &mut _, recorded: &RecordedEvent| conversations::message::fold(row, recorded, 0));
    for (place, thing) in picked(things, |thing| {
        matches!(thing, Thing::Workspace | Thing::Key(_) | Thing::Webhook(_)).then_some(thing)
    }) {
        found[place] = shown(look, thing, &[at]).await?.pop().flatten();
    }
    Ok(found)
}

/// Some of the things, with their places.
fn picked<T>(things: &[Thing], pick: impl Fn(Thing) -> Option<T>) -> Vec<(usize, T)> {
    things.iter().enumerate().filter_map(|(place, thing)| Some((place, pick(*thing)?))).collect()
}

/// The stream is read once, and its row looked at wherever it is asked for.
async fn along<R: Clone>(
    look: &Look,
    stream: StreamId,
    at: &[u64],
    fold: impl Fn(&mut Option<R>, &RecordedEvent),
    view: impl Fn(R) -> Shown,
) -> Result<Vec<Option<Past<Shown>>>, LogError> {
    let rows = look.along(stream, at, fold).await?.into_iter();
    Ok(rows.map(|row| row.map(|aged| aged.shown(&view))).collect())
}

/// How an endpoint stands is in its row, what it is in its state.
async fn webhook(look: &Look, id: WebhookId, at: &[u64]) -> Result<Vec<Option<Past<Shown>>>, LogError> {
    type Endpoint = (Option<webhooks::Row>, State);

    let stream = StreamId::Webhook(id);
    let fold = |endpoint: &mut Option<Endpoint>, recorded: &RecordedEvent| {
        let (row, state) = endpoint.get_or_insert_with(|| (None, State::initial(stream)));
        webhooks::fold(row, recorded);
        state.apply(recorded.event.clone());
    };
    let rows = look.along(stream, at, fold).await?.into_iter();
    let shown = rows.map(|row| {
        let aged = row?;
        let (row, state) = aged.row;
        let (row, webhook): (WebhookRow, &Arc<Webhook>) = (row?.view, Webhook::of(&state)?);
        let item = Shown::Webhook(Box::new((row, Webhook::clone(webhook))));
        Some(Past { item, erased: aged.erased })
    });
    Ok(shown.collect())
}

fn is_of_key(event: &Event, id: KeyId) -> bool {
    let Event::Workspace(
        WorkspaceEvent::KeyIssued { key_id, .. }
        | WorkspaceEvent::KeyRotated { key_id, .. }
        | WorkspaceEvent::KeyRevoked { key_id },
    ) = event
    else {
        return false;
    };
    *key_id == id
}
