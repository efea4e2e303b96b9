//! A simulated WhatsApp network.
//!
//! It speaks the real wire protocol (WebSocket, Noise, binary stanzas, Signal), so an unmodified client
//! talks to it as it would to WhatsApp. Behind it are simulated phones: the account owner's, which scans
//! the QR code, and the customers', which encrypt, decrypt and send receipts. Tests play the people behind
//! the phones over HTTP. Everything is in memory and lives as long as the [`Network`].
//!
//! Cast:
//! * [`Network`]: the two listeners.
//! * `world`: all that is remembered. `phone`: a phone with its Signal keys. `device`: a linked device, its
//!   public keys and its mailbox.
//! * `wire`: from TCP to stanzas. `session`: one connection. `pairing`: from QR code to linked device.
//!   `delivery`: from a phone to linked devices. `activity`: what people do that nobody keeps.
//! * `control`: the HTTP face. `faults`: what goes wrong on request. `traffic`: who connected how often.
//!
//! ```no_run
//! # async fn example() -> Result<(), interflow_simulator::NetworkError> {
//! use interflow_simulator::{Network, NetworkConfig};
//!
//! let network = Network::start(NetworkConfig::default()).await?;
//! let (client_connects_to, test_talks_to) = (network.ws_url(), network.control_url());
//! # let _ = (client_connects_to, test_talks_to);
//! network.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod activity;
mod chance;
mod clock;
mod control;
mod delivery;
mod device;
mod error;
mod faults;
mod network;
mod pairing;
mod phone;
mod session;
mod traffic;
mod wire;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::{NetworkError, PhoneError};
pub use faults::{Faults, LoginRefusal, Receipts};
pub use network::{Network, NetworkConfig};
pub use phone::book::{ReceivedMessage, WrittenMessage};
pub use traffic::Traffic;

/// Locks a mutex. What a panicking thread left behind is still whole: no guard here spans two steps.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
