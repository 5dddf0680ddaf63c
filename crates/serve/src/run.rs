//! A server from start to end: listen, load, warm up, serve, reload on request, and leave.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use strata_core::hub::ModelState;
use strata_core::paths;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::{App, Assembly, Kit, WarmUp, assemble, router};
use crate::door::panic_text;
use crate::jobs::{JobContext, JobFailure, JobKind, JobManager, JobOutput, JobsConfig, JobsError};
use crate::jobs_http::JobDoor;
use crate::keys::{KeyRing, KeysError};
use crate::server::{self, Drain, Left, Listening};
use crate::service::Service;
use crate::settings::ServerSettings;
use crate::state::{Parts, State};
use crate::telemetry::trace::Traces;
use crate::tls::{self, TlsError};

/// Why a server does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}; choose another with --bind")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The jobs.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// A setting.
    #[error("{key} = {value:?}: {why}")]
    Setting {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no folder to keep jobs in.
    #[error("{0}; or set jobs.dir")]
    Place(#[from] paths::PathError),
    /// The system refused threads or sockets.
    #[error("the system refused what the server needs: {0}")]
    System(#[from] std::io::Error),
    /// Requests were still being served when the time to finish them was over.
    #[error("{0} requests were still being served when drain.finish_s was over")]
    Unfinished(usize),
    /// Services did not stop in the time for that.
    #[error("{} did not stop before drain.finish_s was over", .0.join(", "))]
    Stuck(Vec<&'static str>),
}

/// A server that runs.
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: std::thread::JoinHandle<Result<(), ServeError>>,
    state: Arc<State>,
    settings: ServerSettings,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({})", self.address)
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it is ready, and if not, why.
    #[must_use]
    pub fn readiness(&self) -> (bool, Vec<String>) {
        self.state.readiness()
    }

    /// Opens all models anew and reads the keys again; what fails leaves the old in place.
    pub fn reload(&self) {
        reload(&self.state, &self.settings);
    }

    /// Begins to drain; [`Self::wait`] says when that is done.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// What ended it early, or requests that were not finished in time.
    pub fn wait(self) -> Result<(), ServeError> {
        match self.ended.join() {
            Ok(result) => result,
            Err(_) => Err(ServeError::System(std::io::Error::other("the server panicked"))),
        }
    }
}

/// Starts a server. It listens at once and is ready when its models are loaded and warm.
///
/// # Errors
/// [`ServeError`]: nothing is left running.
pub fn start(kit: Kit, app: App) -> Result<Running, ServeError> {
    let settings = kit.settings().clone();
    let keys = load_keys(&settings)?;
    let tls = match (&settings.tls.certificate, &settings.tls.key) {
        (Some(certificate), Some(key)) => Some(tls::load(certificate, key)?.into()),
        _ => None,
    };
    let traces = start_traces(&settings, app.name)?;
    let address = settings.server.bind;
    let runtime = runtime(settings.server.thread_count())?;
    let listener = {
        let _within = runtime.enter();
        server::bind(address)
    };
    let listener = listener.map_err(|source| ServeError::Bind { address, source })?;
    let address = listener.local_addr()?;
    let loaded = Arc::new(AtomicBool::new(false));
    let jobs = match app.jobs.is_empty() {
        true => None,
        false => Some(start_jobs(&settings, app.name, (&app.jobs, &loaded))?),
    };
    let Assembly { state, operations, warm_up, services, .. } =
        assemble(kit, app, Parts { jobs, keys, traces });
    let seconds = Duration::from_secs;
    let listening = Listening {
        router: router(&state, operations, &settings.server.cors_origins),
        state: Arc::clone(&state),
        tls,
        max_connections: settings.server.max_connections,
        header_timeout: seconds(settings.server.header_timeout_s),
        reply_timeout: seconds(settings.server.reply_timeout_s),
        drain: Drain {
            not_ready: seconds(settings.drain.not_ready_s),
            finish: seconds(settings.drain.finish_s),
        },
    };
    spawn_loader(Arc::clone(&state), (warm_up, services), loaded)?;
    spawn_reloader(Arc::downgrade(&state), &settings)?;
    let (stop, stopped) = watch::channel(false);
    let traced = Arc::clone(&state);
    let serve = move || {
        let left = runtime.block_on(server::serve(listening, listener, stopped))?;
        // Blocking work that nobody waits for any more does not hold up the end.
        runtime.shutdown_timeout(Duration::from_secs(1));
        traced.traces.shutdown();
        match left {
            Left { requests: 0, services } if services.is_empty() => Ok(()),
            Left { requests: 0, services } => Err(ServeError::Stuck(services)),
            Left { requests, .. } => Err(ServeError::Unfinished(requests)),
        }
    };
    let ended = std::thread::Builder::new().name("strata-serve".to_owned()).spawn(serve)?;
    Ok(Running { address, stop, ended, state, settings })
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("strata-http").enable_io().enable_time().build()
}

fn start_traces(settings: &ServerSettings, name: &'static str) -> Result<Traces, ServeError> {
    let endpoint = settings.trace.otlp_endpoint.as_deref();
    Traces::start(endpoint, name).map_err(|why| ServeError::Setting {
        key: "trace.otlp_endpoint",
        value: endpoint.unwrap_or_default().to_owned(),
        why,
    })
}

fn load_keys(settings: &ServerSettings) -> Result<KeyRing, KeysError> {
    let Some(file) = &settings.auth.keys_file else {
        return Ok(KeyRing::open(settings.models.control));
    };
    let keys = KeyRing::load(file)?;
    for warning in keys.warnings() {
        tracing::warn!(warning);
    }
    Ok(keys)
}

fn start_jobs(
    settings: &ServerSettings,
    name: &str,
    (doors, loaded): (&[JobDoor], &Arc<AtomicBool>),
) -> Result<Arc<JobManager>, ServeError> {
    let dir = match &settings.jobs.dir {
        None => paths::cache_dir()?.join("strata-jobs").join(name),
        Some(dir) => dir.clone(),
    };
    let config = JobsConfig {
        dir,
        workers: settings.jobs.workers,
        keep: settings.jobs.keep(),
        max_queued: settings.jobs.max_queued,
        max_upload_bytes: settings.limits.upload_bytes.bytes(),
    };
    let patient = |door: &JobDoor| {
        let (kind, loaded) = (Arc::clone(&door.kind), Arc::clone(loaded));
        Arc::new(Patient { kind, loaded }) as Arc<dyn JobKind>
    };
    let kinds = doors.iter().map(patient).collect();
    Ok(JobManager::start(&config, kinds)?)
}

/// A kind of job that waits for the models: jobs of an earlier run are taken up as soon as the server
/// starts.
struct Patient {
    kind: Arc<dyn JobKind>,
    loaded: Arc<AtomicBool>,
}

impl JobKind for Patient {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        while !self.loaded.load(Ordering::Acquire) {
            if job.stop().load(Ordering::Acquire) {
                return Err(JobFailure::Interrupted);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kind.run(job)
    }
}

/// Opens the models, warms up and starts the services, beside the requests that ask whether that is done.
fn spawn_loader(
    state: Arc<State>,
    (warm_up, services): (WarmUp, Vec<Box<dyn Service>>),
    loaded: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let load = move || {
        state.hub.load_all();
        state.report_models();
        let warmed = catch_unwind(AssertUnwindSafe(warm_up))
            .unwrap_or_else(|panic| Err(format!("panic: {}", panic_text(panic.as_ref()))));
        match warmed {
            Ok(()) => state.warm.store(true, Ordering::Release),
            Err(why) => {
                tracing::error!(why, "the warm-up failed");
                *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            }
        }
        loaded.store(true, Ordering::Release);
        state.services.start(services);
        let (ready, why) = state.readiness();
        match ready {
            true => tracing::info!("ready"),
            false => tracing::warn!(?why, "not ready"),
        }
    };
    std::thread::Builder::new().name("strata-load".to_owned()).spawn(load).map(drop)
}

/// Looks for changed cards now and then, where the settings ask for it.
fn spawn_reloader(state: std::sync::Weak<State>, settings: &ServerSettings) -> std::io::Result<()> {
    let every = Duration::from_secs(settings.models.reload_poll_s);
    if every.is_zero() {
        return Ok(());
    }
    let watch = move || {
        let seen = state.upgrade().map(|state| state.hub.fingerprints());
        let mut watch = Watch { seen: seen.unwrap_or_default(), again: BTreeMap::new() };
        loop {
            std::thread::sleep(every);
            let Some(state) = state.upgrade() else { return };
            watch.look(&state);
        }
    };
    std::thread::Builder::new().name("strata-reload".to_owned()).spawn(watch).map(drop)
}

/// What was seen of the models on disk.
struct Watch {
    seen: BTreeMap<String, String>,
    /// Models that are not as their cards say, each with the looks until it is tried again, and those
    /// until the time after that.
    again: BTreeMap<String, (u32, u32)>,
}

impl Watch {
    /// Looks a model that does not load is left alone for at most; then only a change of its card
    /// counts.
    const PATIENCE: u32 = 64;

    fn look(&mut self, state: &State) {
        let now = state.hub.fingerprints();
        let before = std::mem::replace(&mut self.seen, now.clone());
        for (name, print) in &now {
            if before.get(name) != Some(print) {
                self.again.remove(name);
                let _ = state.reload_model(name);
            } else if self.is_due(state, name) {
                let _ = state.reload_model(name);
            }
        }
    }

    /// Whether a model that is not as its card says is to be tried again. A card that is copied before
    /// its files names what is not there yet, and does not change when they come.
    fn is_due(&mut self, state: &State, name: &str) -> bool {
        let troubled = state.hub.index().into_iter().any(|row| {
            row.name == name && row.reason.is_some() && row.state != ModelState::Unloaded
        });
        if !troubled {
            self.again.remove(name);
            return false;
        }
        let (left, next) = self.again.entry(name.to_owned()).or_insert((1, 2));
        *left = left.saturating_sub(1);
        let due = *left == 0 && *next <= Self::PATIENCE;
        if due {
            (*left, *next) = (*next, *next * 2);
        }
        due
    }
}

fn reload(state: &State, settings: &ServerSettings) {
    for name in state.hub.names() {
        let _ = state.reload_model(&name);
    }
    match load_keys(settings) {
        Ok(keys) => state.set_keys(keys),
        Err(error) => tracing::error!(%error, "the keys were not read again"),
    }
}

/// Serves until SIGTERM or Ctrl-C, then drains; a second signal ends at once. SIGHUP reloads.
///
/// # Errors
/// [`ServeError`].
pub fn run(kit: Kit, app: App, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let running = start(kit, app)?;
    listening(running.address());
    let signals = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    signals.block_on(heed_signals(&running))?;
    running.stop();
    let second =
        std::thread::Builder::new().name("strata-signals".to_owned()).spawn(move || {
            if signals.block_on(stop_signal()).is_ok() {
                tracing::warn!("stopped at once by a second signal");
                std::process::exit(130);
            }
        })?;
    drop(second);
    running.wait()
}

#[cfg(unix)]
async fn heed_signals(running: &Running) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stop = std::pin::pin!(stop_signal());
    loop {
        tokio::select! {
            stopped = stop.as_mut() => return stopped,
            _ = hangup.recv() => {
                tracing::info!("reloading models and keys");
                running.reload();
            }
        }
    }
}

#[cfg(unix)]
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn heed_signals(_: &Running) -> std::io::Result<()> {
    stop_signal().await
}

#[cfg(not(unix))]
async fn stop_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
