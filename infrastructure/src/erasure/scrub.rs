//! What shows a customer in clear: the read models, in every generation there is, the answers kept for repeated requests,
//! and what receivers of webhooks answered.

use interflow_application::log::StreamId;
use interflow_domain::{ChatId, CustomerId, InstanceId, MessageId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event_log::Failure;
use crate::webhooks::forgetting;

/// Those that exist, also such as are being made aside.
pub(crate) const GENERATIONS: &str = "SELECT generation FROM generations WHERE workspace_id = $1 \
     UNION SELECT generation FROM heads WHERE workspace_id = $1";
const CHATS: &str = "SELECT id, instance_id, status <> 'closed' AS open FROM chats \
     WHERE workspace_id = $1 AND generation = $2 AND customer_id = $3 ORDER BY id";
const MESSAGES: &str = "SELECT id, phone, job_id FROM messages \
     WHERE workspace_id = $1 AND generation = $2 AND customer_id = $3 ORDER BY id";
const SENDS: &str =
    "SELECT message_id FROM outbox WHERE workspace_id = $1 AND message_id = ANY($2) ORDER BY message_id";

const CUSTOMERS: &str = "UPDATE customers SET name = NULL, email = NULL, phone = NULL, lid = NULL, external_id = NULL, \
         tags = '{}', attributes = NULL \
     WHERE workspace_id = $1 AND generation = ANY($2) AND id = $3";
const CONTENTS: &str = "UPDATE messages SET phone = NULL, content = NULL \
     WHERE workspace_id = $1 AND generation = ANY($2) AND customer_id = $3";
const PREVIEWS: &str = "UPDATE chats SET last_message_preview = NULL \
     WHERE workspace_id = $1 AND generation = ANY($2) AND customer_id = $3";

/// A repetition is not carried out again: the answer is made anew, of what there is then. Of what was asked, the hash of
/// a short text could be guessed; that of a bulk of many messages cannot.
const ANSWERS: &str = "UPDATE commands c SET status = NULL, headers = NULL, body = NULL, forgotten = true, \
         request_hash = CASE WHEN c.resource_kind = 'job' THEN c.request_hash ELSE decode(repeat('00', 32), 'hex') END \
     FROM unnest($2::text[], $3::uuid[]) AS about(kind, id) \
     WHERE c.workspace_id = $1 AND c.resource_kind = about.kind AND c.resource_id = about.id";

/// Whose rows.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) workspace: WorkspaceId,
    /// The one in service.
    pub(super) generation: i32,
    pub(super) customer: CustomerId,
}

/// A chat of the customer.
pub(super) struct ShownChat {
    pub(super) id: ChatId,
    pub(super) instance: InstanceId,
    pub(super) open: bool,
}

/// What there is of the customer.
pub(super) struct Shown {
    pub(super) chats: Vec<ShownChat>,
    pub(super) messages: Vec<MessageId>,
    /// Those of them that wait to be sent.
    pub(super) sends: Vec<MessageId>,
    /// The numbers that messages went to or came from.
    pub(super) phones: Vec<String>,
    jobs: Vec<Uuid>,
}

/// How much was scrubbed of what is counted.
pub(super) struct Scrubbed {
    pub(super) answers: u64,
    pub(super) webhook_attempts: u64,
}

impl Shown {
    pub(super) async fn read(connection: &mut PgConnection, place: Place) -> Result<Self, Failure> {
        let Place { workspace, generation, customer } = place;
        let chats: Vec<(Uuid, Uuid, bool)> = sqlx::query_as(CHATS)
            .bind(workspace.uuid())
            .bind(generation)
            .bind(customer.uuid())
            .fetch_all(&mut *connection)
            .await?;
        let messages: Vec<(Uuid, Option<String>, Option<Uuid>)> = sqlx::query_as(MESSAGES)
            .bind(workspace.uuid())
            .bind(generation)
            .bind(customer.uuid())
            .fetch_all(&mut *connection)
            .await?;
        let ids: Vec<Uuid> = messages.iter().map(|(id, ..)| *id).collect();
        let sends: Vec<Uuid> =
            sqlx::query_scalar(SENDS).bind(workspace.uuid()).bind(ids).fetch_all(&mut *connection).await?;
        let mut phones: Vec<String> = messages.iter().filter_map(|(_, phone, _)| phone.clone()).collect();
        phones.sort_unstable();
        phones.dedup();
        let mut jobs: Vec<Uuid> = messages.iter().filter_map(|(.., job)| *job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        let chat = |(id, instance, open)| ShownChat {
            id: ChatId::new(id),
            instance: InstanceId::new(instance),
            open,
        };
        Ok(Self {
            chats: chats.into_iter().map(chat).collect(),
            messages: messages.into_iter().map(|(id, ..)| MessageId::new(id)).collect(),
            sends: sends.into_iter().map(MessageId::new).collect(),
            phones,
            jobs,
        })
    }
}

/// Scrubs all of it.
pub(super) async fn everything(
    connection: &mut PgConnection,
    place: Place,
    shown: &Shown,
) -> Result<Scrubbed, Failure> {
    let Place { workspace, customer, .. } = place;
    let generations: Vec<i32> =
        sqlx::query_scalar(GENERATIONS).bind(workspace.uuid()).fetch_all(&mut *connection).await?;
    for sql in [CUSTOMERS, CONTENTS, PREVIEWS] {
        let query = sqlx::query(sql).bind(workspace.uuid()).bind(&generations).bind(customer.uuid());
        query.execute(&mut *connection).await?;
    }
    Ok(Scrubbed {
        answers: answers(connection, place, shown).await?,
        webhook_attempts: attempts(connection, place, shown).await?,
    })
}

async fn answers(connection: &mut PgConnection, place: Place, shown: &Shown) -> Result<u64, Failure> {
    let customer = std::iter::once(("customer", place.customer.uuid()));
    let chats = shown.chats.iter().map(|chat| ("chat", chat.id.uuid()));
    let messages = shown.messages.iter().map(|message| ("message", message.uuid()));
    let jobs = shown.jobs.iter().map(|job| ("job", *job));
    let (kinds, ids): (Vec<_>, Vec<_>) = customer.chain(chats).chain(messages).chain(jobs).unzip();
    let query = sqlx::query(ANSWERS).bind(place.workspace.uuid()).bind(kinds).bind(ids);
    Ok(query.execute(connection).await?.rows_affected())
}

async fn attempts(connection: &mut PgConnection, place: Place, shown: &Shown) -> Result<u64, Failure> {
    let customer = std::iter::once(StreamId::Customer(place.customer));
    let chats = shown.chats.iter().map(|chat| StreamId::Chat(chat.id));
    let messages = shown.messages.iter().map(|message| StreamId::Message(*message));
    let streams: Vec<_> = customer.chain(chats).chain(messages).collect();
    Ok(forgetting::forget(connection, place.workspace, &streams).await?)
}
