//! Where molecules go that a command keeps: `.smi` (SMILES and identifier), or a table with the given columns.

use std::io::Write;
use std::path::{Path, PathBuf};

use strata_cli::atomic::AtomicFile;

use super::ToolError;
use crate::input::{Layout, Record};
use crate::output::{Cell, OutColumn, OutKind, Schema, TableWriter, create};

/// A file of molecules being written; seen under its name when it is whole.
pub struct MoleculeSink {
    path: PathBuf,
    kind: Kind,
    rows: u64,
}

enum Kind {
    Smiles(AtomicFile),
    Table(Box<dyn TableWriter>),
}

impl MoleculeSink {
    /// Starts a file; `extra` text columns follow the given ones.
    ///
    /// # Errors
    /// Where it cannot be made, or its name says no format.
    pub fn create(path: &Path, layout: &Layout, extra: &[&str]) -> Result<Self, ToolError> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let kind = if name.ends_with(".smi") {
            Kind::Smiles(AtomicFile::create(path).map_err(ToolError::io(path))?)
        } else {
            let column = |name: &&str| OutColumn { name: (*name).to_owned(), kind: OutKind::Text };
            let schema = Schema::new(layout, extra.iter().map(column).collect());
            Kind::Table(create(path, &schema)?)
        };
        Ok(Self { path: path.to_path_buf(), kind, rows: 0 })
    }

    /// Writes a row. `smiles` stands in where the input has no SMILES column.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn row(
        &mut self,
        layout: &Layout,
        record: &Record,
        number: u64,
        (smiles, extra): (Option<&str>, &[&str]),
    ) -> Result<(), ToolError> {
        self.rows += 1;
        match &mut self.kind {
            Kind::Smiles(file) => {
                let given = layout.smiles.map(|column| record.value(column));
                let smiles = given.or(smiles).unwrap_or_default();
                let id = record.id(layout, number);
                let id = id.replace(['\t', '\n', '\r'], " ");
                writeln!(file, "{smiles}\t{id}").map_err(ToolError::io(&self.path))
            }
            Kind::Table(table) => {
                let given = (0..layout.columns.len()).map(|column| record.value(column));
                let cells: Vec<Cell<'_>> =
                    given.chain(extra.iter().copied()).map(cell_of).collect();
                Ok(table.row(&cells)?)
            }
        }
    }

    /// Rows written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// Where the disk is full or the rename refused.
    pub fn finish(self) -> Result<(), ToolError> {
        match self.kind {
            Kind::Smiles(file) => file.commit().map_err(ToolError::io(&self.path)),
            Kind::Table(table) => Ok(table.finish(&[])?),
        }
    }
}

fn cell_of(text: &str) -> Cell<'_> {
    if text.is_empty() { Cell::Null } else { Cell::Text(text) }
}
