//! Weather prediction over HTTP: forecasts as Open-Meteo's clients ask for them, maps, tracks, and forecasts as jobs.

mod ask;
mod fields;
mod flat;
mod forecast;
mod info;
mod job;
mod map;
mod page;
mod reply;
mod series;
mod settings;
mod tracks;
mod variables;
mod zone;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strata_core::paths::search_path;
use strata_core::runtime::PoolConfig;
use strata_earth::rollout::Config;
use strata_serve::settings::ServerSettings;
use strata_serve::{App, Kit, Mine, ServeError, Service, Stop};

use crate::store::{Room, Store, StoreConfig};

pub use settings::WeatherSection;

/// What keeps a server from being put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's own parts.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A scenario of the settings.
    #[error("weather.scenarios: {0}")]
    Scenario(#[from] crate::scenario::ScenarioError),
    /// The folder of forecasts.
    #[error("weather.data: {}: {source}", path.display())]
    Data {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Devices of the settings.
    #[error("models.devices: {0}")]
    Devices(#[from] strata_core::runtime::RuntimeError),
}

/// The server of weather prediction, ready to be run.
///
/// # Errors
/// [`HttpError`]: a folder, scenario or device of the settings that cannot be used.
pub fn app(
    settings: ServerSettings,
    weather: &WeatherSection,
    models_dir: Option<&Path>,
) -> Result<(Kit, App), HttpError> {
    let pool = pool(&settings)?;
    // Models of weather take gigabytes: they are opened by the jobs that run them, not held by the server.
    let mine = Mine { serves: |_| false, featuriser: |_| None };
    let kit = Kit::new(settings, models_dir, mine)?;
    if let Some(path) = &weather.data {
        let made = std::fs::create_dir_all(path);
        made.map_err(|source| HttpError::Data { path: path.clone(), source })?;
    }
    let store = Arc::new(Store::new(StoreConfig {
        folder: weather.data.clone(),
        keep: weather.runs,
        room: Room::new(weather.memory_mb.saturating_mul(1 << 20), weather.cache.clone()),
    }));
    let scenarios = strata_core::scenario::all(&weather.scenarios)?;
    let search = search_path(models_dir);
    let mut operations = forecast::operations(&store);
    operations.extend(fields::operations(&store));
    operations.extend(map::operations(&store));
    operations.extend(tracks::operations(&store));
    operations.extend(info::operations(&store, search.clone(), scenarios));
    let looks = Looks { store: Arc::clone(&store), every: Duration::from_secs(weather.rescan_s) };
    let means = job::Means { store: Arc::clone(&store), search, pool };
    let app = App {
        name: "strata-weather",
        title: "Strata weather prediction",
        description: "Forecasts by ONNX weather models: values at places as Open-Meteo's API gives them, maps, cyclone tracks, and \
             forecasts as jobs. Every reply says which model, run and planet it is of.",
        operations,
        jobs: vec![job::door(means)],
        services: vec![Box::new(looks)],
        page: page::ASSETS,
        warm_up: Box::new(move || store.refresh().map(drop).map_err(|error| error.to_string())),
    };
    Ok((kit, app))
}

fn pool(settings: &ServerSettings) -> Result<PoolConfig, HttpError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = settings.models.intra_threads;
    Ok(PoolConfig {
        devices: settings.models.devices.parse()?,
        intra_threads: if threads == 0 { cores } else { threads },
        whole_graph: false,
        ..Config::default().pool
    })
}

/// Looks at the folder of forecasts again and again.
struct Looks {
    store: Arc<Store>,
    every: Duration,
}

impl Service for Looks {
    fn name(&self) -> &'static str {
        "forecasts"
    }

    fn run(self: Box<Self>, stop: &Stop) -> Result<(), String> {
        while !stop.wait(self.every) {
            match self.store.refresh() {
                Ok(true) => tracing::info!("the forecasts have changed"),
                Ok(false) => {}
                // A disk that is away comes back; what was read is served on.
                Err(error) => tracing::warn!(%error, "the folder of forecasts cannot be read"),
            }
        }
        Ok(())
    }
}
