//! Training, validation and test files from one input.

use std::path::{Path, PathBuf};

use strata_chem::split::{Fractions, Split, random, scaffold, scaffold_balanced};
use strata_core::stream::Progress;

use super::ToolError;
use super::rows::{Counts, Row, for_each_chunk};
use super::sink::MoleculeSink;
use crate::input::{Layout, RecordReader};

/// How rows are assigned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Method {
    /// Shuffled by the seed.
    Random,
    /// Murcko scaffolds, the most frequent first; no chance involved.
    #[default]
    Scaffold,
    /// Murcko scaffolds, shuffled by the seed.
    ScaffoldBalanced,
}

/// What to do.
#[derive(Clone, Debug, Default)]
pub struct SplitOptions {
    /// How rows are assigned.
    pub method: Method,
    /// Sizes of the parts.
    pub fractions: Fractions,
    /// Seed of random and balanced splits.
    pub seed: u64,
    /// Folder of the files.
    pub folder: PathBuf,
    /// `csv`, `csv.gz`, `parquet` or `smi`.
    pub extension: String,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct SplitSummary {
    /// Rows read, and those without a molecule (which go to `errors`).
    #[serde(flatten)]
    pub counts: Counts,
    /// Rows of the training part.
    pub train: usize,
    /// Rows of the validation part.
    pub valid: usize,
    /// Rows of the test part.
    pub test: usize,
    /// Distinct scaffolds; 0 for a random split.
    pub scaffolds: usize,
    /// Files written.
    pub files: Vec<PathBuf>,
}

/// Reads, assigns, writes `train`, `valid`, `test` and, where rows have no molecule, `errors`.
///
/// # Errors
/// [`ToolError`] where reading or writing fails.
pub fn split(
    reader: &mut dyn RecordReader,
    options: &SplitOptions,
    progress: &mut dyn Progress,
) -> Result<SplitSummary, ToolError> {
    let layout = reader.layout().clone();
    let by_scaffold = options.method != Method::Random;
    let mut rows: Vec<Row<(String, Option<String>)>> = Vec::new();
    let make = |layout: &Layout, _: &_, _: u64, mol: strata_chem::Mol| {
        let scaffold = if by_scaffold {
            strata_chem::scaffold::murcko_smiles(&mol)
                .map_err(|e| crate::input::record_error(&e))?
        } else {
            String::new()
        };
        Ok((scaffold, layout.smiles.is_none().then(|| mol.canonical_smiles())))
    };
    let counts = for_each_chunk(reader, progress, make, |_, chunk| {
        rows.extend(chunk);
        Ok(())
    })?;
    let (good, bad): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.made.is_ok());
    let scaffolds: Vec<&str> =
        good.iter().filter_map(|row| Some(row.made.as_ref().ok()?.0.as_str())).collect();
    let Split { train, valid, test } = match options.method {
        Method::Random => random(good.len(), options.fractions, options.seed),
        Method::Scaffold => scaffold(&scaffolds, options.fractions),
        Method::ScaffoldBalanced => scaffold_balanced(&scaffolds, options.fractions, options.seed),
    };
    std::fs::create_dir_all(&options.folder).map_err(ToolError::io(&options.folder))?;
    let mut files = Vec::new();
    for (name, part) in [("train", &train), ("valid", &valid), ("test", &test)] {
        let path = options.folder.join(format!("{name}.{}", options.extension));
        let part: Vec<&Row<_>> = part.iter().map(|&at| &good[at]).collect();
        write(&path, &layout, &part)?;
        files.push(path);
    }
    if !bad.is_empty() {
        let path = options.folder.join(format!("errors.{}", options.extension));
        write(&path, &layout, &bad.iter().collect::<Vec<_>>())?;
        files.push(path);
    }
    let mut distinct = scaffolds;
    distinct.sort_unstable();
    distinct.dedup();
    Ok(SplitSummary {
        counts,
        train: train.len(),
        valid: valid.len(),
        test: test.len(),
        scaffolds: if by_scaffold { distinct.len() } else { 0 },
        files,
    })
}

fn write(
    path: &Path,
    layout: &Layout,
    rows: &[&Row<(String, Option<String>)>],
) -> Result<(), ToolError> {
    let has_errors = rows.iter().any(|row| row.made.is_err());
    let extra: &[&str] = if has_errors { &["error_code", "error"] } else { &["scaffold"] };
    let mut sink = MoleculeSink::create(path, layout, extra)?;
    for row in rows {
        match &row.made {
            Ok((scaffold, smiles)) => {
                sink.row(layout, &row.record, row.number, (smiles.as_deref(), &[scaffold]))?;
            }
            Err(error) => {
                let extra = [error.code.as_ref(), error.message.as_ref()];
                sink.row(layout, &row.record, row.number, (None, &extra))?;
            }
        }
    }
    sink.finish()
}
