//! The commands beside `screen`.

use std::process::ExitCode;

use clap::Subcommand;
use strata_cli::{Globals, models};

use crate::http::serves;

use super::{
    adapt, cluster, depict, describe, embed, eval, filter, index, rank, search, split, standardize,
    substructure, targets,
};

/// The commands beside `screen`.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's help is the documentation of its arguments")]
pub enum ToolCommand {
    Adapt(adapt::Args),
    Index(index::Args),
    Search(search::Args),
    Substructure(substructure::Args),
    Filter(filter::Args),
    Cluster(cluster::Args),
    Split(split::Args),
    Describe(describe::Args),
    Standardize(standardize::Args),
    Depict(depict::Args),
    Embed(embed::Args),
    Targets(targets::Args),
    Rank(rank::Args),
    Eval(eval::Args),
    #[command(after_help = "Examples:
  strata-drug models list
  strata-drug models show esol
  strata-drug models verify
  strata-drug models fetch chembl-multitask --mirror /media/stick
  strata-drug models fetch molclr-gcn --from downloads")]
    Models(models::Args),
}

impl ToolCommand {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the command from its result, as one chain of causes.
    pub(super) fn run(self, globals: &Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Adapt(args) => adapt::run(args, globals),
            Self::Index(args) => index::run(&args, globals),
            Self::Search(args) => search::run(&args, globals),
            Self::Substructure(args) => substructure::run(&args, globals),
            Self::Filter(args) => filter::run(&args, globals),
            Self::Cluster(args) => cluster::run(&args, globals),
            Self::Split(args) => split::run(&args, globals),
            Self::Describe(args) => describe::run(&args, globals),
            Self::Standardize(args) => standardize::run(&args, globals),
            Self::Depict(args) => depict::run(&args, globals),
            Self::Embed(args) => embed::run(args, globals),
            Self::Targets(args) => targets::run(&args, globals),
            Self::Rank(args) => rank::run(args, globals),
            Self::Eval(args) => eval::run(args, globals),
            Self::Models(args) => models::run(&args, globals, serves),
        }
    }
}
