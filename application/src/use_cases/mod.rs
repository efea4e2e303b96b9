//! One use case a file, named as the verb.

mod authenticate;
mod channel_ref;
mod connect_instance;
mod create_customer;
mod delete_customer;
mod delete_instance;
mod ensure_workspace;
mod fail_messages;
mod issue_key;
mod open_chat;
mod participants;
mod receive_message;
mod record_connection;
mod record_receipts;
mod record_sent;
mod send_message;
mod update_customer;

pub use authenticate::authenticate;
pub use channel_ref::ChannelRef;
pub use connect_instance::ConnectInstance;
pub use create_customer::CreateCustomer;
pub use delete_customer::DeleteCustomer;
pub use delete_instance::DeleteInstance;
pub use ensure_workspace::{EnsureWorkspace, workspace_id};
pub use fail_messages::FailMessages;
pub use issue_key::IssueKey;
pub use open_chat::{OpenChat, OpenedChat, Partner};
pub use receive_message::ReceiveMessage;
pub(crate) use receive_message::shown_name;
pub use record_connection::RecordConnection;
pub use record_receipts::RecordReceipts;
pub use record_sent::RecordSent;
pub use send_message::SendMessage;
pub use update_customer::{PatchCustomer, ProfilePatch, ReplaceCustomer};
