//! An instance's place on this node: at most one session runs in it, under a lease.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interflow_domain::instance::{ConnectionStatus, DisconnectReason, InstanceCommand, LoggedOutBy};
use interflow_domain::message::FailureReason;
use interflow_domain::{InstanceId, PhoneNumber, WorkspaceId};
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
use tokio_util::sync::CancellationToken;

use super::sink::Sink;
use super::{Gateway, Shown, sender};
use crate::whatsapp::{EngineError, Session, SessionSpec};
use crate::{Actor, Context, Error, RecordConnection, Resource};

/// How long WhatsApp may take to confirm an unlinking.
const LOG_OUT_WAIT: Duration = Duration::from_secs(10);

/// What can be seen of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The QR to show.
    pub qr: Option<Shown>,
    /// The code to type instead, and into the phone of which number.
    pub pair_code: Option<(PhoneNumber, Shown)>,
    /// Logged in and able to send.
    pub open: bool,
    /// The session has ended by itself.
    pub ended: bool,
}

/// An instance's place on this node.
pub(super) struct Slot {
    pub workspace: WorkspaceId,
    pub instance: InstanceId,
    /// Held while a session is opened or closed, so that these happen one after the other.
    running: AsyncMutex<Option<Running>>,
    /// Held while a code to type is asked for: asking twice would make the first one void.
    pub asking: AsyncMutex<()>,
    view: watch::Sender<View>,
    wake: Notify,
    epoch: Mutex<Option<i64>>,
}

struct Running {
    spec: SessionSpec,
    session: Arc<dyn Session>,
    sender: CancellationToken,
}

impl Slot {
    pub fn new(workspace: WorkspaceId, instance: InstanceId) -> Self {
        Self {
            workspace,
            instance,
            running: AsyncMutex::default(),
            asking: AsyncMutex::default(),
            view: watch::Sender::default(),
            wake: Notify::new(),
            epoch: Mutex::default(),
        }
    }

    /// Opens a session that somebody asked for, unless one runs.
    pub async fn ensure_open(self: &Arc<Self>, gateway: &Gateway) -> Result<(), Error> {
        self.start(gateway, None).await
    }

    /// Takes up the session of an earlier run or of another node, unless one runs or it was ended for good.
    pub async fn resume(self: &Arc<Self>, gateway: &Gateway, context: &Context) -> Result<(), Error> {
        self.start(gateway, Some(context)).await
    }

    async fn start(self: &Arc<Self>, gateway: &Gateway, resumed: Option<&Context>) -> Result<(), Error> {
        let mut running = self.running.lock().await;
        if gateway.0.stopping.is_cancelled() {
            return Err(Error::Unavailable("the server is shutting down".to_owned()));
        }
        if running.is_some() {
            if !self.view.borrow().ended {
                return Ok(());
            }
            self.end(gateway, running.take()).await;
        }
        let spec = self.lease(gateway).await?;
        self.view.send_replace(View::default());
        self.set_epoch(Some(spec.epoch));
        let opened = self.open(gateway, spec, resumed).await;
        let Ok(Some(session)) = opened else {
            self.set_epoch(None);
            gateway.0.ports.leases.release(spec.workspace, spec.instance, spec.epoch).await?;
            return opened.map(drop);
        };
        let sender = gateway.0.stopping.child_token();
        let work = sender::run(gateway.clone(), Arc::clone(self), spec, Arc::clone(&session));
        let stop = sender.clone();
        gateway.0.tasks.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
        *running = Some(Running { spec, session, sender });
        Ok(())
    }

    async fn open(
        self: &Arc<Self>,
        gateway: &Gateway,
        spec: SessionSpec,
        resumed: Option<&Context>,
    ) -> Result<Option<Arc<dyn Session>>, Error> {
        // Read under the lease: whoever had it before has said in the log what became of the instance.
        let internal = gateway.internal(self.workspace, Actor::System("gateway"));
        let context = resumed.unwrap_or(&internal);
        let Some(mut channel) = gateway.0.core.reads.channel(self.workspace, self.instance).await? else {
            return if resumed.is_some() { Ok(None) } else { Err(Error::NotFound(Resource::Channel)) };
        };
        if channel.linked && !gateway.0.ports.engine.is_paired(spec).await? {
            // It was logged out, and that could not be recorded.
            self.record(gateway, context, spec, InstanceCommand::RecordLoggedOut { by: LoggedOutBy::Api })
                .await?;
            gateway.fail_waiting(context, self.instance, FailureReason::LoggedOut).await?;
            (channel.linked, channel.status) = (false, ConnectionStatus::Close);
        }
        if resumed.is_some() {
            if !channel.linked || channel.status == ConnectionStatus::Close {
                return Ok(None);
            }
            if channel.status == ConnectionStatus::Open {
                // It ended with the server that had it.
                let at = gateway.0.core.clock.now();
                let command =
                    InstanceCommand::RecordDisconnected { reason: DisconnectReason::ServerStopped, at };
                self.record(gateway, context, spec, command).await?;
            }
        } else if channel.status == ConnectionStatus::Close {
            // It ended between the request and the lease.
            self.record(gateway, context, spec, InstanceCommand::RequestConnection).await?;
        }
        let sink = Arc::new(Sink::new(gateway.clone(), Arc::clone(self), spec.epoch));
        Ok(Some(gateway.0.ports.engine.open(spec, sink).await?))
    }

    async fn record(
        &self,
        gateway: &Gateway,
        context: &Context,
        spec: SessionSpec,
        command: InstanceCommand,
    ) -> Result<(), Error> {
        let record = RecordConnection { instance: self.instance, command, epoch: Some(spec.epoch) };
        gateway.0.core.run(context, &record).await.map(drop)
    }

    /// Closes the session and gives the lease back, if one runs. The keys stay.
    pub async fn close(&self, gateway: &Gateway) {
        let mut running = self.running.lock().await;
        let session = running.take();
        self.end(gateway, session).await;
    }

    /// The epoch of the session that runs here.
    pub fn epoch(&self) -> Option<i64> {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the session of this epoch, and says whether it still ran.
    pub async fn close_epoch(&self, gateway: &Gateway, epoch: i64) -> bool {
        let mut running = self.running.lock().await;
        let runs = running.as_ref().is_some_and(|running| running.spec.epoch == epoch);
        if runs {
            let session = running.take();
            self.end(gateway, session).await;
        }
        runs
    }

    /// Tells WhatsApp that the device is unlinked, where it can be told, closes the session and forgets the keys.
    /// When that cannot be recorded, whoever opens the instance next finds no keys, and records it.
    pub async fn log_out<T>(
        &self,
        gateway: &Gateway,
        record: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<(), Error> {
        let mut running = self.running.lock().await;
        let spec = match running.as_ref() {
            Some(Running { spec, session, .. }) => {
                let told = tokio::time::timeout(LOG_OUT_WAIT, session.log_out()).await;
                if !matches!(told, Ok(Ok(()) | Err(EngineError::NotConnected))) {
                    tracing::warn!(instance = %self.instance, "WhatsApp could not be told of the log-out");
                }
                session.stop().await;
                *spec
            }
            None => self.lease(gateway).await?,
        };
        let logged_out = async {
            gateway.0.ports.engine.forget(spec).await?;
            record.await.map(drop)
        };
        let logged_out = logged_out.await;
        let session = running.take();
        self.end(gateway, session).await;
        let released = gateway.0.ports.leases.release(spec.workspace, spec.instance, spec.epoch).await;
        logged_out.and(released.map_err(Error::from))
    }

    async fn lease(&self, gateway: &Gateway) -> Result<SessionSpec, Error> {
        let epoch = gateway.0.ports.leases.acquire(self.workspace, self.instance).await?;
        let epoch =
            epoch.ok_or_else(|| Error::Unavailable("another server process owns the channel".to_owned()))?;
        Ok(SessionSpec { workspace: self.workspace, instance: self.instance, epoch })
    }

    async fn end(&self, gateway: &Gateway, running: Option<Running>) {
        let Some(Running { spec, session, sender }) = running else { return };
        sender.cancel();
        session.stop().await;
        self.set_epoch(None);
        self.view.send_replace(View { ended: true, ..View::default() });
        if let Err(error) = gateway.0.ports.leases.release(spec.workspace, spec.instance, spec.epoch).await {
            tracing::warn!(instance = %self.instance, %error, "a lease was not given back; it expires by itself");
        }
    }

    /// Waits until there is a QR (`Some(Some)`) or the connection is open (`Some(None)`); `None` when neither came.
    pub async fn first_qr_or_open(&self, patience: Duration) -> Option<Option<Shown>> {
        let mut view = self.view.subscribe();
        let shown = view.wait_for(|view| view.open || view.qr.is_some() || view.ended);
        let shown = tokio::time::timeout(patience, shown).await.ok()?.ok()?.clone();
        if shown.ended && !shown.open { None } else { Some(shown.qr) }
    }

    /// Waits until the connection is open.
    pub async fn until_open(&self) {
        // The sender half lives in this slot, so waiting cannot fail.
        let _ = self.view.subscribe().wait_for(|view| view.open).await;
    }

    pub fn show(&self, change: impl FnOnce(&mut View)) {
        self.view.send_modify(change);
    }

    /// The session that runs here.
    pub async fn session(&self) -> Result<Arc<dyn Session>, EngineError> {
        let running = self.running.lock().await;
        running.as_ref().map(|running| Arc::clone(&running.session)).ok_or(EngineError::NotConnected)
    }

    pub fn shown_pair_code(&self) -> Option<(PhoneNumber, Shown)> {
        self.view.borrow().pair_code.clone()
    }

    pub fn qr(&self) -> Option<Shown> {
        self.view.borrow().qr.clone()
    }

    pub fn wake_sender(&self) {
        self.wake.notify_one();
    }

    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The epoch of the session that runs. What a session of an earlier epoch still says is not shown.
    pub fn is_current(&self, epoch: i64) -> bool {
        self.epoch() == Some(epoch)
    }

    fn set_epoch(&self, epoch: Option<i64>) {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
    }
}
