//! What the fields of `Query` give: one file a type, with what belongs to it.

pub mod channel;
pub mod chat;
pub mod customer;
pub mod delivery;
pub mod event;
pub mod job;
pub mod key;
pub mod message;
pub mod node;
pub mod signal;
pub mod update;
pub mod usage;
pub mod webhook;
pub mod workspace;

pub use channel::Channel;
pub use chat::Chat;
pub use customer::Customer;
pub use delivery::Delivery;
pub use event::Event;
pub use job::Job;
pub use key::Key;
pub use message::Message;
pub use node::Node;
pub use signal::Signal;
pub use update::ChannelUpdate;
pub use webhook::Webhook;
pub use workspace::Workspace;
