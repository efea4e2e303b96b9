//! One server: laid out, spawned, waited for, ended. The thread of the [`supervisor`](crate::supervisor) owns it.

use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::account::Account;
use crate::binaries::{Installation, Places};
use crate::config::ConnectionInfo;
use crate::fork::tie_to_this_thread;
use crate::initdb::ensure_cluster;
use crate::launch::{Door, descriptors, program};
use crate::layout::Layout;
use crate::lock::Lock;
use crate::log::Log;
use crate::ready::{NotReady, ask_ours};
use crate::supervisor::Orders;
use crate::{Config, Error, predecessor};

/// What a new server says when backends of a killed one still hold its shared memory or its files.
const LEFT_BEHIND: [&str; 2] = ["pre-existing shared memory block", "lock file \""];

pub(crate) struct Server {
    config: Config,
    layout: Layout,
    account: Account,
    pub(crate) installation: Installation,
    pub(crate) info: ConnectionInfo,
    pub(crate) log: Log,
    // Last: the lock is given back when everything else is gone.
    _lock: Lock,
}

impl Server {
    pub(crate) fn prepare(config: Config) -> Result<Self, Error> {
        config.refuse_own_settings()?;
        let layout = Layout::create_data_dir(&config.data_dir)?;
        let owner = layout.owner()?;
        let lock = Lock::take(&layout.data_dir)?;
        let account = Account::choose(owner)?;
        layout.create_home(&account)?;
        let installation = Installation::find(
            &Places::of_this_machine(),
            config.bin_dir.as_deref(),
            &account,
            &layout.cluster,
            layout.version()?.as_deref(),
        )?;
        ensure_cluster(&layout, &account, &installation)?;
        let info = ConnectionInfo::new(layout.create_socket_dir(&account)?);
        let log = Log::in_dir(&layout.data_dir);
        Ok(Self { config, layout, account, installation, info, log, _lock: lock })
    }

    /// Starts the server and waits until it has proved itself. Retries while it finds a predecessor's remains.
    pub(crate) fn launch(&mut self, orders: &mut Orders) -> Result<Child, Error> {
        let deadline = Instant::now() + self.config.startup_timeout;
        loop {
            predecessor::clear(&self.layout, deadline)?;
            Layout::sweep_socket_dir(&self.info.socket_dir);
            let log_start = self.log.end();
            let mut child = self.spawn()?;
            let Some(status) = self.until_ready(&mut child, log_start, deadline, orders)? else {
                return Ok(child);
            };
            let tail = self.log.tail(log_start);
            let in_the_way = LEFT_BEHIND.iter().any(|words| tail.contains(words));
            if !in_the_way || Instant::now() > deadline || orders.stop_now() {
                return Err(Error::StartFailed {
                    status: status.to_string(),
                    log: self.log.path().to_owned(),
                    tail,
                });
            }
            tracing::warn!("a killed server's remains are still there; trying again");
            sleep(Duration::from_millis(300));
        }
    }

    fn spawn(&self) -> Result<Child, Error> {
        let mark = self.layout.mark()?;
        let open = |dir| Door::to(dir, &self.account).map_err(Error::io("open", dir));
        let (cluster, socket) = (open(&self.layout.cluster)?, open(&self.info.socket_dir)?);
        let log = self.log.open().map_err(Error::io("open", self.log.path()))?;
        let copy = log.try_clone().map_err(Error::io("open", self.log.path()))?;
        let mut postgres = program(&self.installation.postgres(), &self.account);
        postgres.arg("-D").arg(&cluster.path).stdout(Stdio::from(log)).stderr(Stdio::from(copy));
        // A list of directories, in which quotes keep one whole.
        let quoted = socket.path.to_string_lossy().replace('"', "\"\"");
        let own = [
            ("listen_addresses", ""),
            ("unix_socket_directories", &format!("\"{quoted}\"")),
            ("unix_socket_permissions", "0700"),
            ("port", &self.info.port.to_string()),
            ("cluster_name", &mark),
            ("logging_collector", "off"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("synchronous_commit", "on"),
            // A log that people send around must not hold rows: no DETAIL ("Key (phone)=(…) already exists").
            ("log_error_verbosity", "terse"),
            ("log_timezone", "UTC"),
            ("timezone", "UTC"),
            ("jit", "off"),
        ];
        let theirs = self.config.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(theirs) {
            postgres.arg("-c").arg(format!("{name}={value}"));
        }
        tie_to_this_thread(&mut postgres, Signal::INT, &descriptors(&[&cluster, &socket]));
        postgres.spawn().map_err(Error::io("run", &self.installation.postgres()))
    }

    /// `None` when it is ready, its status when it has ended instead.
    fn until_ready(
        &self,
        child: &mut Child,
        log_start: u64,
        deadline: Instant,
        orders: &mut Orders,
    ) -> Result<Option<ExitStatus>, Error> {
        let error = loop {
            if let Some(status) =
                child.try_wait().map_err(Error::io("watch", &self.installation.postgres()))?
            {
                return Ok(Some(status));
            }
            let last = match ask_ours(&self.layout, &self.info, child.id()) {
                Ok(()) => return Ok(None),
                Err(NotReady::Never(error)) => break error,
                Err(NotReady::Yet(why)) => why,
            };
            if orders.stop_within(Duration::from_millis(25)) {
                break Error::Abandoned;
            }
            if Instant::now() > deadline {
                let (timeout, log) = (self.config.startup_timeout, self.log.path().to_owned());
                break Error::StartTimeout { timeout, last, log, tail: self.log.tail(log_start) };
            }
        };
        self.end(child);
        Err(error)
    }

    /// Fast shutdown, which disconnects clients and writes a checkpoint; immediate when that takes too long.
    pub(crate) fn end(&self, child: &mut Child) {
        let immediate = Duration::from_secs(5);
        let patience =
            [(Signal::INT, self.config.stop_timeout), (Signal::QUIT, immediate), (Signal::KILL, immediate)];
        for (signal, time) in patience {
            // It cannot be somebody else's number: the child has not been waited for.
            if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
                let _ = kill_process(pid, signal);
            }
            let deadline = Instant::now() + time;
            while Instant::now() < deadline {
                if !matches!(child.try_wait(), Ok(None)) {
                    self.layout.remove_socket_dir(&self.info.socket_dir);
                    return;
                }
                sleep(Duration::from_millis(10));
            }
            tracing::warn!(?signal, "the embedded PostgreSQL does not stop; insisting");
        }
    }
}
