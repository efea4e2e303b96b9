//! The rules of Interflow, pure: aggregates, their commands, events and refusals, and the values they are made of.
//!
//! Nothing here reads a clock, draws a random number, opens a socket or knows a table.

pub mod chat;
pub mod checkpoint;
pub mod customer;
mod decide;
mod event_types;
#[cfg(test)]
mod history;
mod ids;
pub mod instance;
pub mod job;
pub mod message;
mod personal;
mod phone;
#[cfg(test)]
mod testing;
mod values;
pub mod webhook;
pub mod workspace;

pub use decide::Decide;
pub use event_types::EVENT_TYPES;
pub use ids::{
    ChatId, CheckpointId, CustomerId, DeliveryId, EventId, InstanceId, InvalidId, JobId, KeyId, MessageId,
    WebhookId, WorkspaceId,
};
pub use personal::{PERSONAL_MARK, Personal, PersonalForm, Subject};
pub use phone::{InvalidPhoneNumber, PhoneNumber};
pub use values::{
    DisplayName, Email, ExternalId, InstanceName, InvalidValue, Lid, MessageText, Reason, Tag, WorkspaceSlug,
};
