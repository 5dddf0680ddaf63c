//! What the commands beside `screen` do: adapt, index and search, filter, cluster, split, evaluate, describe, depict, embed,
//! standardize.

pub mod adapt;
pub mod cluster;
pub mod depict;
pub mod describe;
pub mod embed;
mod embed_stages;
pub mod evaluate;
pub mod filter;
pub mod index;
pub mod rows;
pub mod search;
pub mod sink;
pub mod split;
pub mod standardize;

use std::path::{Path, PathBuf};

use crate::input::InputError;
use crate::output::OutputError;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// The input.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The output.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The library.
    #[error("{path}: {source}", path = path.display())]
    Library {
        /// The library's file.
        path: PathBuf,
        /// What is wrong with it.
        source: strata_chem::db::LibraryError,
    },
    /// A file.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A molecule or parameter.
    #[error(transparent)]
    Chem(#[from] strata_chem::ChemError),
    /// A pattern.
    #[error(transparent)]
    Smarts(#[from] strata_chem::smarts::SmartsError),
    /// Clusters.
    #[error(transparent)]
    Cluster(#[from] strata_chem::cluster::ClusterError),
    /// Fingerprints.
    #[error(transparent)]
    Arena(#[from] strata_chem::arena::ArenaError),
    /// Fractions of a split.
    #[error(transparent)]
    Fractions(#[from] strata_chem::split::FractionsError),
    /// A model's card or files.
    #[error(transparent)]
    Card(#[from] strata_core::card::CardError),
    /// A model that does not open.
    #[error(transparent)]
    Model(#[from] strata_core::runtime::OpenError),
    /// A model that screening, too, could not use.
    #[error(transparent)]
    Models(#[from] crate::screen::ModelsError),
    /// What a model said to a molecule.
    #[error("{}", .0.message)]
    Record(strata_core::stream::RecordError),
    /// A head that is trained.
    #[error(transparent)]
    Learn(#[from] strata_chem::learn::LearnError),
    /// A training domain.
    #[error(transparent)]
    Domain(#[from] strata_chem::arena::domain::DomainError),
    /// The belt.
    #[error(transparent)]
    Stream(#[from] strata_core::stream::StreamError),
    /// What was asked for does not make sense; the text says what does.
    #[error("{0}")]
    Request(String),
}

impl ToolError {
    /// An I/O error with the file it happened to.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }

    /// A library's error with the file it happened to.
    pub(crate) fn library(path: &Path) -> impl FnOnce(strata_chem::db::LibraryError) -> Self {
        move |source| Self::Library { path: path.to_path_buf(), source }
    }
}
