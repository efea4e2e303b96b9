//! What the events of a webhook make of its row.

use interflow_application::log::{Event, RecordedEvent};
use interflow_application::webhook::views::WebhookRow;
use interflow_domain::webhook::{PausedBy, StartFrom, WebhookEvent};

/// A row of `webhooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::read_models) struct Row {
    pub(in crate::read_models) view: WebhookRow,
    pub(in crate::read_models) start_from: StartFrom,
    pub(in crate::read_models) created_position: u64,
    pub(in crate::read_models) activated_position: u64,
}

pub(in crate::read_models) fn fold(row: &mut Option<Row>, recorded: &RecordedEvent) {
    use WebhookEvent as E;

    let Event::Webhook(event) = &recorded.event else { return };
    match event {
        E::WebhookCreated { webhook_id, start_from, origin, .. } => {
            *row = Some(Row {
                view: WebhookRow {
                    id: *webhook_id,
                    status: "active".to_owned(),
                    reason: None,
                    origin: *origin,
                    created_at: recorded.recorded_at,
                    updated_at: recorded.recorded_at,
                    version: recorded.version,
                },
                start_from: *start_from,
                created_position: recorded.position,
                activated_position: recorded.position,
            });
        }
        E::WebhookDeleted {} => *row = None,
        event => {
            if let Some(row) = row {
                change(row, event, recorded.position);
                row.view.updated_at = recorded.recorded_at;
                row.view.version = recorded.version;
            }
        }
    }
}

fn change(row: &mut Row, event: &WebhookEvent, position: u64) {
    use WebhookEvent as E;

    let (status, reason) = match event {
        E::WebhookPaused { by } => ("paused", Some(paused_by(*by))),
        E::WebhookDisabled { reason } => ("disabled", Some(reason.name())),
        E::WebhookResumed {} => ("active", None),
        E::WebhookEnabled {} => {
            row.activated_position = position;
            ("active", None)
        }
        E::WebhookCreated { .. }
        | E::WebhookUpdated { .. }
        | E::SecretRotated { .. }
        | E::WebhookDeleted {} => return,
    };
    row.view.status = status.to_owned();
    row.view.reason = reason.map(str::to_owned);
}

const fn paused_by(by: PausedBy) -> &'static str {
    match by {
        PausedBy::Caller => "caller",
        PausedBy::Backlog => "backlog",
    }
}
