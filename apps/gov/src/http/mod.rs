//! Government document Q&A over HTTP: the same functions as the command line's, as operations of a server.

mod ask;
mod chat;
mod documents;
mod embeddings;
mod feedback;
mod info;
mod office;
mod page;
mod problems;
mod settings;
mod tools;
mod who;

use std::path::Path;
use std::sync::Arc;

use crate::models::{featuriser_of, is_text};
use strata_serve::settings::ServerSettings;
use strata_serve::{App, Kit, Mine, ServeError};

pub use settings::GovSection;

use office::Office;

/// What keeps a server from being put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server's own parts.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A scenario of the settings.
    #[error("gov.scenarios: {0}")]
    Scenario(#[from] crate::scenario::ScenarioError),
    /// The index of the settings.
    #[error("gov.index: {0}")]
    Index(#[from] strata_text::index::IndexError),
    /// The audit log of the settings.
    #[error("gov.audit: {0}")]
    Audit(#[from] crate::audit::AuditError),
    /// A file of the settings.
    #[error("gov.{key}: {}: {source}", path.display())]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No index is named.
    #[error(
        "gov.index is not set: name an index with --gov-index DIR; a folder where nothing is becomes an empty one"
    )]
    NoIndex,
}

/// The server of government document Q&A, ready to be run.
///
/// # Errors
/// [`HttpError`]: a scenario, index or log of the settings that cannot be used.
pub fn app(
    settings: ServerSettings,
    gov: &GovSection,
    models_dir: Option<&Path>,
) -> Result<(Kit, App), HttpError> {
    let kit = Kit::new(settings, models_dir, Mine { serves: is_text, featuriser: featuriser_of })?;
    let office = Arc::new(Office::new(&kit, gov)?);
    let mut operations = ask::operations(&office);
    operations.extend(chat::operations(&office));
    operations.extend(embeddings::operations(&office));
    operations.extend(documents::operations(&office));
    operations.extend(tools::operations(&office));
    operations.extend(feedback::operations(&office));
    operations.extend(info::operations(&office));
    let warm = Arc::clone(&office);
    let app = App {
        name: "strata-gov",
        title: "Strata government documents",
        description: "Ask, find and check laws, notices, service guides and hotline cases. Answers are verbatim quotes with \
             their exact place, as of a day, or a refusal.",
        operations,
        jobs: Vec::new(),
        services: Vec::new(),
        page: page::ASSETS,
        warm_up: Box::new(move || warm.warm_up().map_err(|problem| problem.detail)),
    };
    Ok((kit, app))
}
