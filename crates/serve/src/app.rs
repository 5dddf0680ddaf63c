//! An application as a server: its operations, its models, its page, and the operations every server
//! has, put together.

use std::path::Path;
use std::sync::Arc;
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
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};

use crate::batch::Belt;
use crate::jobs_http::JobDoor;
use crate::keys::KeyRing;
use crate::openapi::{self, Head};
use crate::operation::{Method, Operation};
use crate::page::Asset;
use crate::problem::{Kind, Problem};
use crate::run::ServeError;
use crate::screen::MULTIPART;
use crate::service::Service;
use crate::settings::ServerSettings;
use crate::state::{Parts, State};
use crate::telemetry::trace::Traces;
use crate::telemetry::{Meters, Metrics, ModelMetrics};
use crate::{door, jobs_http, oip, page, standard};

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
        models_dir: Option<&Path>,
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
            observer: Arc::new(Belt(self.metrics.model(name))),
        }
    }

    /// Makes the application's own metrics; their names become `strata_PREFIX_NAME`.
    #[must_use]
    pub fn meters(&self, prefix: &'static str) -> Meters {
        Meters::new(Arc::clone(&self.metrics), prefix)
    }

    /// The metrics of an application's own batcher, for the times of its stages.
    #[must_use]
    pub fn stages(&self, name: &str) -> ModelMetrics {
        self.metrics.model(name)
    }
}

fn limits(settings: &ServerSettings) -> Limits {
    let b = &settings.batching;
    Limits {
        max_rows: b.max_rows,
        max_delay: Duration::from_micros(b.max_delay_us),
        max_padding: b.max_padding,
        queue_items: b.queue_items,
        queue_rows: b.max_rows.saturating_mul(b.queue_runs),
        queue_timeout: Some(Duration::from_millis(b.queue_timeout_ms)),
        ..Limits::default()
    }
}

fn hub_options(
    settings: &ServerSettings,
    models_dir: Option<&Path>,
    mine: Mine,
    metrics: &Arc<Metrics>,
) -> Result<HubOptions, ServeError> {
    let models = &settings.models;
    let first = paths::search_path(models_dir);
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
    /// What runs beside it, such as watching cameras.
    pub services: Vec<Box<dyn Service>>,
    /// Its page. Beside it are `/base.css`, `/language.js`, `/dom.js`, `/api.js` and `/key.js`, which every
    /// page uses.
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
pub(crate) struct Assembly {
    pub(crate) state: Arc<State>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) document: Value,
    pub(crate) warm_up: WarmUp,
    pub(crate) services: Vec<Box<dyn Service>>,
}

pub(crate) fn assemble(kit: Kit, app: App, parts: Parts) -> Assembly {
    let Kit { settings, hub, metrics } = kit;
    let state = Arc::new(State::new(&settings, (hub, metrics), parts));
    let mut operations = app.operations;
    operations.extend(jobs_http::operations(&app.jobs, state.jobs.as_ref()));
    operations.extend(oip::operations(&state, app.name, settings.models.control));
    operations.extend(standard::operations(&state, &settings, app.name));
    let (title, description) = (app.title, app.description);
    let head = Head { title, version: env!("CARGO_PKG_VERSION"), description };
    let document = openapi::document(head, &operations);
    operations.extend(page::operations(app.page, settings.server.docs, &document));
    Assembly { state, operations, document, warm_up: app.warm_up, services: app.services }
}

/// The OpenAPI document of an application, without serving it.
#[must_use]
pub fn openapi_document(kit: Kit, app: App) -> Value {
    let parts = Parts { jobs: None, keys: KeyRing::open(false), traces: Traces::none() };
    assemble(kit, app, parts).document
}

pub(crate) fn router(state: &Arc<State>, operations: Vec<Operation>, cors: &[String]) -> Router {
    let mut router = Router::new();
    for operation in operations {
        let filter = match operation.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
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
    // A film is pictures, and each is to go out when it comes.
    let packed = DefaultPredicate::new().and(NotForContentType::const_new(MULTIPART));
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
        .layer(CompressionLayer::new().compress_when(packed));
    match cors_layer(cors) {
        Some(layer) => router.layer(layer),
        None => router,
    }
}

/// Other pages' origins, where the settings name some.
fn cors_layer(origins: &[String]) -> Option<tower_http::cors::CorsLayer> {
    use axum::http::{HeaderName, HeaderValue, header};
    use tower_http::cors::{AllowOrigin, CorsLayer};
    let own = HeaderName::from_static;
    let listed: Vec<HeaderValue> = origins.iter().filter_map(|o| o.parse().ok()).collect();
    // The layer panics where it finds the asterisk in a list.
    let allowed = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(listed),
    };
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([HttpMethod::GET, HttpMethod::POST, HttpMethod::PUT, HttpMethod::DELETE])
            .allow_headers([
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::AUTHORIZATION,
                header::IF_NONE_MATCH,
                own("last-event-id"),
                own(door::REQUEST_ID),
                own(door::TIMEOUT),
                own(door::INFERENCE_HEADER),
                own(door::TRACE_PARENT),
            ])
            .expose_headers([
                own(door::REQUEST_ID),
                header::RETRY_AFTER,
                header::ETAG,
                header::LOCATION,
                header::CONTENT_DISPOSITION,
                own(door::INFERENCE_HEADER),
            ])
    })
}
