//! Puts a client of the engine together: what it is called, how much it may remember, what it must not do.
//!
//! Thousands of clients live in one process, so what is per client is small and what can be shared is shared (the
//! TLS configuration and the trust roots in the socket factory, the database pool). Chosen against the engine's
//! defaults:
//! - one-time pre-keys: 100 instead of 812. WhatsApp asks for more when they run low; each is a key pair to compute
//!   and a row to store for every new device.
//! - caches sized for a gateway of one-to-one chats: what does not fit is read from the key store again. The locks
//!   (`session_locks`, `chat_lanes`) stay generous: they are empty until used, and evicting one is no mere miss.
//!   The LID mappings stay unbounded: the engine takes a missing one for "has none".
//! - `messageSecret`s are kept for bot chats only: they decrypt later additions (edits, votes), which this version
//!   does not report, at the price of a row a message.
//! - no history is fetched: the phone's past is not the gateway's.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wacore::store::DevicePropsOverride;
use waproto::whatsapp::device_props::{AppVersion, PlatformType};
use whatsapp_rust::bot::{Bot, BotBuilderError};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::{CacheConfig, CacheEntryConfig, MsgSecretPolicy, anyhow};

use crate::session::{Inbox, Wire};
use crate::store::KeyStore;
use crate::tasks::Tasks;
use crate::transport::Sockets;

/// What the phone lists the linked device as.
const DEVICE_NAME: &str = "Interflow";
const PRE_KEYS: usize = 100;

/// A version of WhatsApp Web, which WhatsApp wants to hear when a client logs in.
pub type WebVersion = (u32, u32, u32);

/// The version the pinned engine was made for. Nothing is fetched to find a newer one: a gateway must come up
/// without a web page being reachable, and the operator can name another (`Settings::version`).
pub(crate) fn default_version() -> WebVersion {
    let device = wacore::store::Device::new();
    (device.app_version_primary, device.app_version_secondary, device.app_version_tertiary)
}

/// What a client is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<KeyStore>,
    pub(crate) sockets: Sockets,
    pub(crate) tasks: Tasks,
    pub(crate) version: WebVersion,
    pub(crate) wire: Wire,
    pub(crate) inbox: Inbox,
}

/// Puts a client together; nothing runs on the network before it is spawned.
pub(crate) async fn assemble(parts: Parts) -> Result<Bot, BotBuilderError> {
    let bot = Bot::builder()
        .with_backend_arc(parts.store)
        .with_transport_factory(parts.sockets)
        .with_http_client(NoHttp)
        .with_runtime(parts.tasks)
        .with_version(parts.version)
        .with_device_props(device_props())
        .with_cache_config(caches())
        .with_wanted_pre_key_count(PRE_KEYS)
        .with_event_handler(parts.wire)
        .with_inbound_durability_hook(parts.inbox)
        .skip_history_sync()
        .build()
        .await?;
    // Our own supervision decides when to connect again.
    bot.client().enable_auto_reconnect.store(false, Ordering::Relaxed);
    Ok(bot)
}

fn device_props() -> DevicePropsOverride {
    DevicePropsOverride::new()
        .with_os(DEVICE_NAME)
        .with_version(AppVersion {
            primary: Some(1),
            secondary: Some(0),
            tertiary: Some(0),
            ..AppVersion::default()
        })
        .with_platform_type(PlatformType::CHROME)
}

fn caches() -> CacheConfig {
    let hour = Some(Duration::from_secs(3600));
    CacheConfig {
        group_cache: CacheEntryConfig::new(hour, 16),
        device_registry_cache: CacheEntryConfig::new(hour, 512),
        message_retry_counts: CacheEntryConfig::new(hour, 256),
        undecryptable_dispatched: CacheEntryConfig::new(Some(Duration::from_secs(300)), 256),
        pdo_pending_requests: CacheEntryConfig::new(Some(Duration::from_secs(30)), 64),
        pdo_requested: CacheEntryConfig::new(Some(Duration::from_secs(24 * 3600)), 256),
        sender_key_devices_cache: CacheEntryConfig::new(hour, 16),
        session_recreate_history: CacheEntryConfig::new(hour, 128),
        group_distribution_locks_capacity: 64,
        resend_rate_limiter_capacity: 256,
        msg_secret_policy: MsgSecretPolicy::BotOnly,
        seed_msg_secrets_from_history: false,
        ..CacheConfig::default()
    }
}

/// The engine wants an HTTP client for media and for the newest version; neither is used here.
struct NoHttp;

#[async_trait::async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, _request: HttpRequest) -> anyhow::Result<HttpResponse> {
        Err(anyhow::anyhow!("this gateway makes no HTTP requests to WhatsApp"))
    }
}
