//! Builds a library from any input.

use std::path::{Path, PathBuf};

use strata_chem::db::{Entry, FingerprintSpec, LibraryBuilder, build_options, entry};
use strata_core::stream::Progress;

use super::ToolError;
use super::rows::{Counts, for_each_chunk};
use crate::input::RecordReader;

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct IndexSummary {
    /// Rows read, and those without a molecule (listed in the library).
    #[serde(flatten)]
    pub counts: Counts,
    /// Molecules in the library.
    pub molecules: u64,
    /// Size of the file.
    pub bytes: u64,
    /// The file.
    pub library: PathBuf,
}

/// Reads all rows and writes the library; memory stays the same however long the input is.
///
/// # Errors
/// [`ToolError`] where reading or writing fails.
pub fn index(
    reader: &mut dyn RecordReader,
    out: &Path,
    spec: &FingerprintSpec,
    progress: &mut dyn Progress,
) -> Result<IndexSummary, ToolError> {
    let mut builder =
        LibraryBuilder::new(out, build_options(spec)?).map_err(ToolError::library(out))?;
    let counts = for_each_chunk(
        reader,
        progress,
        |layout, record, row, mol| {
            let smiles = layout.smiles.filter(|_| record.molblock.is_none());
            let smiles = smiles.map(|column| record.value(column).trim());
            Ok(entry(&record.id(layout, row), smiles, Ok(&mol), spec))
        },
        |layout, rows| {
            for row in rows {
                let entry = match row.made {
                    Ok(entry) => entry,
                    Err(error) => Entry::Bad {
                        id: row.record.id(layout, row.number).into_owned(),
                        code: error.code.into_owned(),
                        message: error.message,
                    },
                };
                builder.push(&entry).map_err(ToolError::library(out))?;
            }
            Ok(())
        },
    )?;
    builder.finish().map_err(ToolError::library(out))?;
    let bytes = std::fs::metadata(out).map_err(ToolError::io(out))?.len();
    let molecules = counts.rows - counts.failed();
    Ok(IndexSummary { counts, molecules, bytes, library: out.to_path_buf() })
}
