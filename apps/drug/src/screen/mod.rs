//! Screening a library: what `strata-drug screen` does, as one call.
//!
//! Records ride the belt of [`strata_core::stream`]: read, parsed and featurised, predicted, scored,
//! and kept in a journal; when all are in, the journal is ranked and written as the result.

mod columns;
mod finalise;
mod job;
mod models;
mod molecule;
mod pipeline;
mod predict;
mod provenance;
mod reference;
mod source;
mod stages;
mod summary;
mod targets;

pub use columns::{ComputedColumns, DECIMALS};
pub use job::{Finished, Job, JobError, Screened, journal_path, screen, screen_with};
pub(crate) use models::target_model;
pub use models::{
    Folder, LoadedModels, ModelChoice, ModelSource, ModelsError, featuriser_of, load_models,
};
pub(crate) use pipeline::{Pipeline, hex};
pub use predict::{CardModel, Molecules, PredictedEndpoint, Predictor};
pub use provenance::Provenance;
pub use reference::{Reference, ReferenceError, ReferenceStamp};
pub(crate) use source::{LibrarySource, write_failed, write_given};
pub(crate) use stages::Screening;
pub use summary::{Histogram, Hit, OwnedCell, Summary};
