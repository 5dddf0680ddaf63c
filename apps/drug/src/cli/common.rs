//! What the commands share: the arguments that say how to read an input.

use std::path::PathBuf;

use crate::input::{Format, InputError, InputSpec, RecordReader, open};

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
