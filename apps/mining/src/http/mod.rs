//! Mining vision over HTTP: the same functions as the command line's, as operations of a server.

mod banks;
mod belt;
mod cameras;
mod detect;
mod engine;
mod events;
mod info;
mod inspect;
mod live;
mod meters;
mod page;
mod picture;
mod problems;
mod settings;

use std::path::Path;
use std::sync::Arc;

use strata_serve::settings::ServerSettings;
use strata_serve::{App, Kit, Mine, ServeError, Service};

use crate::analysers::{Analysers, Streams};
use crate::models::{featuriser_of, is_vision};
use crate::watch::{Setup, WatchConfig};

pub use settings::MiningSection;

use banks::Banks;
use cameras::{Cameras, Watching};
use engine::Engine;

/// What keeps a server from being put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's own parts.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A scenario of the settings.
    #[error("mining.scenarios: {0}")]
    Scenario(#[from] crate::scenario::ScenarioError),
    /// The belt geometry of a scenario.
    #[error("mining.scenarios: {scenario}, [belt]: {why}")]
    Belt {
        /// The scenario.
        scenario: String,
        /// What is wrong with it.
        why: String,
    },
    /// A memory bank of the settings.
    #[error("mining.banks: {0}")]
    Bank(#[from] strata_vision::bank::BankError),
    /// The cameras of the settings.
    #[error("mining.watch: {0}")]
    Watch(#[from] crate::watch::ConfigError),
    /// Two scenarios or banks have the same name.
    #[error("mining.{key}: two are named {name:?}; rename one of the files")]
    SameName {
        /// The setting.
        key: &'static str,
        /// The name.
        name: String,
    },
}

/// The server of mining vision, ready to be run.
///
/// # Errors
/// [`HttpError`]: a scenario, bank or configuration of cameras that cannot be used.
pub fn app(
    settings: ServerSettings,
    mining: &MiningSection,
    models_dir: Option<&Path>,
) -> Result<(Kit, App), HttpError> {
    let kit =
        Kit::new(settings, models_dir, Mine { serves: is_vision, featuriser: featuriser_of })?;
    let engine = Arc::new(Engine::new(&kit, &mining.scenarios)?);
    let banks = Arc::new(Banks::open(kit.hub(), &mining.banks)?);
    let (cameras, services) = watching(&kit, mining.watch.as_deref())?;
    let mut operations = detect::operations(&engine);
    operations.extend(inspect::operations(&banks));
    operations.extend(belt::operations(&engine)?);
    operations.extend(picture::operations());
    operations.extend(live::operations(&cameras));
    operations.extend(events::operations(&cameras));
    operations.extend(info::operations(&engine));
    let app = App {
        name: "strata-mining",
        title: "Strata mining vision",
        description: "Find damage, foreign objects, people and anomalies in pictures and cameras, and measure belts. \
             Every answer says which model, which file and which runtime it comes from.",
        operations,
        jobs: Vec::new(),
        services,
        page: page::ASSETS,
        warm_up: Box::new(move || {
            engine.warm_up();
            Ok(())
        }),
    };
    Ok((kit, app))
}

/// The cameras, and what watches them beside the requests.
type Watched = (Arc<Cameras>, Vec<Box<dyn Service>>);

/// The cameras of a configuration, and the service that watches them.
fn watching(kit: &Kit, config: Option<&Path>) -> Result<Watched, HttpError> {
    let Some(path) = config else { return Ok((Arc::new(Cameras::new(kit, [])), Vec::new())) };
    let config = WatchConfig::read(path)?;
    let names = config.cameras.iter().map(|camera| camera.name.clone());
    let cameras = Arc::new(Cameras::new(kit, names));
    let zones_path = Some(config.zones_path(path));
    let setup = Setup { zones_path, ..Setup::new(config, Arc::new(Streams)) };
    let models: Arc<dyn crate::models::ModelSource> =
        Arc::<strata_core::hub::Hub>::clone(kit.hub());
    let factory = Analysers::new(models);
    let service = Watching { cameras: Arc::clone(&cameras), setup, factory };
    Ok((cameras, vec![Box::new(service)]))
}
