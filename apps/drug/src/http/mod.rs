//! Drug screening over HTTP: the same functions as the command line's, as operations of a server.

mod adapt_job;
mod admet;
mod engine;
mod info;
mod job;
mod libraries;
mod molecules;
mod optimize;
mod page;
mod predict;
mod problems;
mod rank_job;
mod settings;
mod targets;

use std::path::Path;
use std::sync::Arc;

use strata_core::card::{Kind, ModelCard};
use strata_serve::settings::ServerSettings;
use strata_serve::{App, Kit, Mine, ServeError};

use crate::screen::featuriser_of;

pub use engine::EngineError;
pub use settings::DrugSection;

use engine::Engine;
use libraries::Libraries;

/// What keeps a server from being put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's own parts.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A scenario of the settings.
    #[error("drug.scenarios: {0}")]
    Scenario(#[from] crate::scenario::ScenarioError),
    /// A library of the settings.
    #[error("drug.libraries: {0}")]
    Library(#[from] crate::tools::ToolError),
    /// Two scenarios or libraries have the same name.
    #[error("drug.{key}: two are named {name:?}; rename one of the files")]
    SameName {
        /// The setting.
        key: &'static str,
        /// The name.
        name: String,
    },
}

/// The server of drug screening, ready to be run.
///
/// # Errors
/// [`HttpError`]: a scenario or library of the settings that cannot be used.
pub fn app(
    settings: ServerSettings,
    drug: &DrugSection,
    models_dir: Option<&Path>,
) -> Result<(Kit, App), HttpError> {
    let kit = Kit::new(settings, models_dir, Mine { serves, featuriser: featuriser_of })?;
    let engine = Arc::new(Engine::new(&kit, &drug.scenarios)?);
    let libraries = Arc::new(Libraries::open(&drug.libraries)?);
    let mut operations = predict::operations(&engine);
    operations.extend(admet::operations(&engine));
    operations.extend(libraries::operations(&libraries));
    operations.extend(molecules::operations());
    operations.extend(info::operations(&engine));
    let targets = Arc::new(targets::Targets::new(engine.hub()));
    operations.extend(targets::operations(&targets));
    let warm = Arc::clone(&engine);
    let app = App {
        name: "strata-drug",
        title: "Strata drug screening",
        description: "Predict, score, rank, search and draw molecules. Every answer says which model, \
             which file and which runtime it comes from.",
        operations,
        jobs: vec![
            job::door(&engine),
            optimize::door(&engine),
            rank_job::door(&targets),
            adapt_job::door(&engine),
        ],
        services: Vec::new(),
        page: page::ASSETS,
        warm_up: Box::new(move || warm.warm_up().map_err(|error| error.to_string())),
    };
    Ok((kit, app))
}

/// Models of molecules; pictures, texts and weather belong to other programs.
pub(crate) fn serves(card: &ModelCard) -> bool {
    card.kind == Kind::Scientific || featuriser_of(card).is_some()
}
