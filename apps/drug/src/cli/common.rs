//! What the commands share: the arguments that say how to read an input.

use std::path::PathBuf;

use crate::input::{Format, InputError, InputSpec, RecordReader, open};
use crate::targets::{DEFAULT_MODEL, TargetNames};
use crate::tools::ToolError;

/// How to read the input.
#[derive(Debug, Clone, clap::Args)]
pub struct InputArgs {
    /// .smi, .csv, .tsv, .sdf (each also .gz), .parquet, or - for standard input.
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// The format, where neither name nor content tells it.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The column of SMILES [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "smiles_column")]
    pub smiles_column: Option<String>,
    /// The column of identifiers [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "id_column")]
    pub id_column: Option<String>,
}

impl InputArgs {
    /// As the readers want it.
    #[must_use]
    pub fn spec(&self) -> InputSpec {
        InputSpec {
            path: self.input.clone(),
            format: self.format,
            smiles_column: self.smiles_column.clone(),
            id_column: self.id_column.clone(),
        }
    }

    /// Opens the input.
    ///
    /// # Errors
    /// See [`open`].
    pub fn open(&self) -> Result<Box<dyn RecordReader>, InputError> {
        open(&self.spec())
    }
}

/// Which model of targets, and what its targets are called.
#[derive(Debug, Clone, clap::Args)]
pub struct ModelArgs {
    /// The model.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_MODEL)]
    pub model: String,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
    /// More names of targets: a comma- or tab-separated file with a ChEMBL identifier and behind it the name, such as ChEMBL's
    /// chembl_uniprot_mapping.txt.
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
}

impl ModelArgs {
    /// The names.
    ///
    /// # Errors
    /// Where the file of names cannot be used.
    pub fn target_names(&self) -> Result<TargetNames, ToolError> {
        self.names.as_deref().map_or_else(|| Ok(TargetNames::built_in()), TargetNames::with_file)
    }
}
