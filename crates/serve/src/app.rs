//! An application as a server: its operations, its models, its page, and the operations every server
//! has, put together and run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawPathParams, Request as HttpRequest};
use axum::http::Method as HttpMethod;
use axum::routing::{MethodFilter, on};
use serde_json::Value;
use strata_core::batching::{BatcherConfig, Limits};
use strata_core::card::ModelCard;
use strata_core::hub::{Hub, HubOptions};
use strata_core::paths::{self, SearchPath};
use strata_core::provenance::Featuriser;
use strata_core::runtime::{OpenOptions, PoolConfig};
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::jobs::{JobContext, JobFailure, JobKind, JobManager, JobOutput, JobsConfig, JobsError};
use crate::jobs_http::JobDoor;
use crate::keys::{KeyRing, KeysError};
use crate::openapi::{self, Head};
use crate::operation::{Method, Operation};
use crate::page::Asset;
use crate::problem::{Kind, Problem};
use crate::server::{self, Drain, Listening};
use crate::settings::ServerSettings;
use crate::state::State;
use crate::telemetry::Metrics;
use crate::tls::{self, TlsError};
use crate::{door, jobs_http, oip, page, standard};

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
}

/// Which models are an application's.
#[derive(Clone, Copy)]
pub struct Mine {
    /// Whether a card is one of them.
    pub serves: fn(&ModelCard) -> bool,
    /// What makes the inputs of one of them.
    pub featuriser: fn(&ModelCard) -> Option<Featuriser>,
}

/// What an application builds its operations on: models and settings, before anything is loaded.
pub struct Kit {
    settings: ServerSettings,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
}

impl Kit {
    /// Finds the application's models. Nothing is opened yet.
    ///
    /// # Errors
    /// A setting of the models that cannot be.
    pub fn new(
        settings: ServerSettings,
        models_dir: Option<PathBuf>,
        mine: Mine,
    ) -> Result<Self, ServeError> {
        let metrics = Arc::new(Metrics::new());
        let hub = Hub::new(hub_options(&settings, models_dir, mine, &metrics)?);
        Ok(Self { settings, hub: Arc::new(hub), metrics })
    }

    /// The models.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &ServerSettings {
        &self.settings
    }

    /// How an application's own batchers are set up, as the settings say; `name` is the label of
    /// their metrics.
    #[must_use]
    pub fn batching(&self, name: &str) -> BatcherConfig {
        BatcherConfig {
            name: name.to_owned(),
            workers: self.settings.models.session_count(),
            limits: limits(&self.settings),
            observer: Arc::new(self.metrics.model(name)),
        }
    }
}

fn limits(settings: &ServerSettings) -> Limits {
    let b = &settings.batching;
    Limits {
        max_rows: b.max_rows,
        max_delay: Duration::from_micros(b.max_delay_us),
        max_padding: b.max_padding,
        queue_items: b.queue_items,
        queue_timeout: Some(Duration::from_millis(b.queue_timeout_ms)),
        ..Limits::default()
    }
}

fn hub_options(
    settings: &ServerSettings,
    models_dir: Option<PathBuf>,
    mine: Mine,
    metrics: &Arc<Metrics>,
) -> Result<HubOptions, ServeError> {
    let models = &settings.models;
    let first = paths::search_path(models_dir.as_deref());
    let further = models
        .extra_dirs
        .iter()
        .map(|dir| SearchPath { models: vec![dir.clone()], cache: first.cache.clone() });
    let roots = std::iter::once(first.clone()).chain(further).collect();
    let devices = models.devices.parse().map_err(|error: strata_core::runtime::RuntimeError| {
        let (value, why) = (models.devices.clone(), error.to_string());
        ServeError::Setting { key: "models.devices", value, why }
    })?;
    let pool = PoolConfig {
        sessions: settings.models.session_count(),
        intra_threads: models.intra_threads,
        devices,
        // The arena keeps what its largest batch took, in every session.
        arena: false,
        ..PoolConfig::default()
    };
    let metrics = Arc::clone(metrics);
    Ok(HubOptions {
        roots,
        serves: mine.serves,
        featuriser: mine.featuriser,
        open: OpenOptions { pool, ..OpenOptions::default() },
        batching: limits(settings),
        observe: Box::new(move |name| Arc::new(metrics.model(name))),
    })
}

/// What runs once when the models are loaded, before the server is ready.
pub type WarmUp = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// An application, ready to be served.
pub struct App {
    /// The program's name: `strata-drug`.
    pub name: &'static str,
    /// The document's title.
    pub title: &'static str,
    /// A few sentences for the document.
    pub description: &'static str,
    /// What it can do.
    pub operations: Vec<Operation>,
    /// Its long work, as kinds of jobs.
    pub jobs: Vec<JobDoor>,
    /// Its page.
    pub page: &'static [Asset],
    /// Runs once before the server is ready.
    pub warm_up: WarmUp,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("operations", &self.operations).finish_non_exhaustive()
    }
}

/// An application with every operation it has, its own and those of every server.
struct Assembly {
    state: Arc<State>,
    operations: Vec<Operation>,
    document: Value,
    warm_up: WarmUp,
}

fn assemble(kit: Kit, app: App, jobs: Option<Arc<JobManager>>, keys: KeyRing) -> Assembly {
    let Kit { settings, hub, metrics } = kit;
    let state = Arc::new(State::new(&settings, keys, (hub, metrics, jobs)));
    let mut operations = app.operations;
    operations.extend(jobs_http::operations(&app.jobs, state.jobs.as_ref()));
    operations.extend(oip::operations(&state, app.name, settings.models.control));
    operations.extend(standard::operations(&state, &settings, app.name));
    let (title, description) = (app.title, app.description);
    let head = Head { title, version: env!("CARGO_PKG_VERSION"), description };
    let document = openapi::document(head, &operations);
    operations.extend(page::operations(app.page, settings.server.docs, &document));
    Assembly { state, operations, document, warm_up: app.warm_up }
}

/// The OpenAPI document of an application, without serving it.
#[must_use]
pub fn openapi_document(kit: Kit, app: App) -> Value {
    assemble(kit, app, None, KeyRing::open(false)).document
}

fn router(state: &Arc<State>, operations: Vec<Operation>, cors: &[String]) -> Router {
    let mut router = Router::new();
    for operation in operations {
        let filter = match operation.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Delete => MethodFilter::DELETE,
        };
        let path = operation.path;
        let (state, operation) = (Arc::clone(state), Arc::new(operation));
        let handler = move |params: Result<RawPathParams, _>, http: HttpRequest| {
            door::serve(Arc::clone(&state), Arc::clone(&operation), params, http)
        };
        router = router.route(path, on(filter, handler));
    }
    let (missing, wrong) = (Arc::clone(state), Arc::clone(state));
    let router = router
        .fallback(move |http: HttpRequest| {
            let path = http.uri().path().chars().take(200).collect::<String>();
            let problem = Problem::not_found("no-address", format!("there is nothing at {path}"))
                .with_remedy("/openapi.json lists every address");
            door::refuse(Arc::clone(&missing), http, problem)
        })
        .method_not_allowed_fallback(move |http: HttpRequest| {
            let text = format!("{} is not offered at this address", http.method());
            let problem = Problem::new(Kind::MethodNotAllowed, "method", text);
            door::refuse(Arc::clone(&wrong), http, problem)
        })
        .layer(tower_http::compression::CompressionLayer::new());
    match cors_layer(cors) {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

/// Other pages' origins, where the settings name some.
fn cors_layer(origins: &[String]) -> Option<tower_http::cors::CorsLayer> {
    use axum::http::{HeaderName, HeaderValue, header};
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|o| o.parse().ok()).collect();
    (!origins.is_empty()).then(|| {
        tower_http::cors::CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([HttpMethod::GET, HttpMethod::POST, HttpMethod::DELETE])
            .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION])
            .expose_headers([HeaderName::from_static(door::REQUEST_ID), header::RETRY_AFTER])
    })
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
    let settings = kit.settings.clone();
    let keys = load_keys(&settings)?;
    let tls = match (&settings.tls.certificate, &settings.tls.key) {
        (Some(certificate), Some(key)) => Some(tls::load(certificate, key)?.into()),
        _ => None,
    };
    let address = settings.server.bind;
    let listener = server::bind(address).map_err(|source| ServeError::Bind { address, source })?;
    let address = listener.local_addr()?;
    let loaded = Arc::new(AtomicBool::new(false));
    let jobs = match app.jobs.is_empty() {
        true => None,
        false => Some(start_jobs(&settings, app.name, (&app.jobs, &loaded))?),
    };
    let Assembly { state, operations, warm_up, .. } = assemble(kit, app, jobs, keys);
    let seconds = Duration::from_secs;
    let listening = Listening {
        router: router(&state, operations, &settings.server.cors_origins),
        state: Arc::clone(&state),
        tls,
        max_connections: settings.server.max_connections,
        header_timeout: seconds(settings.server.header_timeout_s),
        drain: Drain {
            not_ready: seconds(settings.drain.not_ready_s),
            finish: seconds(settings.drain.finish_s),
        },
    };
    let runtime = runtime(settings.server.thread_count())?;
    spawn_loader(Arc::clone(&state), warm_up, loaded)?;
    spawn_reloader(Arc::downgrade(&state), &settings)?;
    let (stop, stopped) = watch::channel(false);
    let serving = Arc::clone(&state);
    let serve = move || {
        let all = runtime.block_on(server::serve(listening, listener, stopped))?;
        // Blocking work that nobody waits for any more does not hold up the end.
        runtime.shutdown_timeout(Duration::from_secs(1));
        match all {
            true => Ok(()),
            false => Err(ServeError::Unfinished(serving.in_flight.load(Ordering::Acquire))),
        }
    };
    let ended = std::thread::Builder::new().name("strata-serve".to_owned()).spawn(serve)?;
    Ok(Running { address, stop, ended, state, settings })
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name("strata-http").enable_io().enable_time().build()
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

/// Opens the models and warms up, beside the requests that ask whether that is done.
fn spawn_loader(
    state: Arc<State>,
    warm_up: WarmUp,
    loaded: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let load = move || {
        state.hub.load_all();
        state.report_models();
        match warm_up() {
            Ok(()) => state.warm.store(true, Ordering::Release),
            Err(why) => {
                tracing::error!(why, "the warm-up failed");
                *state.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
            }
        }
        loaded.store(true, Ordering::Release);
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
        let mut seen = state.upgrade().map(|state| state.hub.fingerprints());
        loop {
            std::thread::sleep(every);
            let Some(state) = state.upgrade() else { return };
            let now = state.hub.fingerprints();
            let before = seen.replace(now.clone()).unwrap_or_default();
            for (name, print) in &now {
                if before.get(name) != Some(print) {
                    let _ = state.reload_model(name);
                }
            }
        }
    };
    std::thread::Builder::new().name("strata-reload".to_owned()).spawn(watch).map(drop)
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
