//! Results as files: tables (.csv, .csv.gz, .parquet), structures (.sdf, .smi).

use std::path::Path;

use strata_chem::optimize::Candidate;
use strata_chem::{Mol, depict, sdf_write};

use super::generate::GeneratedLibrary;
use super::job::Optimized;
use super::{Hit, OptimizeJobError};
use crate::input::Layout;
use crate::output::{
    Cell, OutColumn, OutFormat, OutKind, OutputError, Schema, beside, create, round, write_whole,
};
use crate::screen::DECIMALS;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// A table.
    Table(OutFormat),
    /// An SD file.
    Sdf,
    /// SMILES and a name a line.
    Smi,
}

impl TableFormat {
    /// The format a file's name asks for.
    ///
    /// # Errors
    /// A name that asks for none.
    pub fn of(path: &Path) -> Result<Self, OptimizeJobError> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        Ok(match () {
            () if name.ends_with(".sdf") => Self::Sdf,
            () if name.ends_with(".smi") => Self::Smi,
            () => Self::Table(OutFormat::of(path).map_err(|_| {
                let name = path.display();
                OptimizeJobError::Request(format!(
                    "cannot tell how to write {name}: end its name with .csv, .csv.gz, .parquet, .sdf or .smi"
                ))
            })?),
        })
    }
}

/// A value on its way into a file.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Whole(i64),
    Number(Option<f64>),
}

impl Value {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Text(text) if text.is_empty() => Cell::Null,
            Self::Text(text) => Cell::Text(text),
            Self::Whole(value) => Cell::Integer(*value),
            Self::Number(value) => value.filter(|v| v.is_finite()).map_or(Cell::Null, Cell::Float),
        }
    }
}

/// Rows with their names and SMILES, ready for any format.
struct Sheet {
    columns: Vec<(String, OutKind)>,
    rows: Vec<(String, String, Vec<Value>)>,
    note: String,
}

impl Sheet {
    fn write(&self, path: &Path, format: TableFormat) -> Result<(), OutputError> {
        match format {
            TableFormat::Table(_) => {
                let column = |(name, kind): &(String, OutKind)| OutColumn {
                    name: name.clone(),
                    kind: *kind,
                };
                let columns = self.columns.iter().map(column).collect();
                let mut table = create(path, &Schema::new(&Layout::default(), columns))?;
                for (_, _, values) in &self.rows {
                    let cells: Vec<Cell<'_>> = values.iter().map(Value::cell).collect();
                    table.row(&cells)?;
                }
                table.finish(&[("strata.provenance".to_owned(), self.note.clone())])?;
            }
            TableFormat::Smi => {
                let lines = self.rows.iter().map(|(name, smiles, _)| format!("{smiles}\t{name}\n"));
                write_whole(path, lines.collect::<String>().as_bytes())?;
            }
            TableFormat::Sdf => write_whole(path, self.sdf().as_bytes())?,
        }
        match format {
            TableFormat::Table(OutFormat::Parquet) => Ok(()),
            _ => write_whole(
                &beside(path, ".provenance.json"),
                format!("{}\n", self.note).as_bytes(),
            ),
        }
    }

    fn sdf(&self) -> String {
        let mut out = String::new();
        for (name, smiles, values) in &self.rows {
            // We wrote the SMILES ourselves; molecules of a search are far below the format's limit.
            let Ok(mol) = Mol::from_smiles(smiles) else { continue };
            let points = depict::coordinates(&mol).unwrap_or_default();
            let texts: Vec<String> = values.iter().map(|value| value.cell().to_string()).collect();
            let items: Vec<(&str, &str)> = self
                .columns
                .iter()
                .zip(&texts)
                .filter(|(_, text)| !text.is_empty())
                .map(|((column, _), text)| (column.as_str(), text.as_str()))
                .collect();
            out.push_str(&sdf_write::write_v2000(&mol, name, &points, &items).unwrap_or_default());
        }
        out
    }
}

/// Numbers of the atoms that are marked, separated by blanks.
fn marked(changed: &[bool]) -> String {
    let at = changed.iter().enumerate().filter(|(_, changed)| **changed);
    at.map(|(at, _)| at.to_string()).collect::<Vec<_>>().join(" ")
}

/// The way from the start in words: `append: Cl > pair: …`.
pub(crate) fn way(result: &Optimized, id: u32) -> String {
    let steps = result.outcome.derivation(id);
    let step = |&id: &u32| {
        let step = &result.outcome.candidates[id as usize].step;
        match step.detail.is_empty() {
            true => step.step.name().to_owned(),
            false => format!("{}: {}", step.step.name(), step.detail),
        }
    };
    steps.iter().skip(1).map(step).collect::<Vec<_>>().join(" > ")
}

pub(super) fn write(
    path: &Path,
    format: TableFormat,
    result: &Optimized,
) -> Result<(), OptimizeJobError> {
    use OutKind::{Float, Integer, Text};
    let mut columns: Vec<(String, OutKind)> = [
        ("rank", Integer),
        ("smiles", Text),
        ("start", Text),
        ("fitness", Float),
        ("goals_met", Integer),
        ("pareto_front", Integer),
        ("similarity", Float),
        ("steps", Integer),
        ("move", Text),
        ("parent_smiles", Text),
        ("derivation", Text),
        ("changed_atoms", Text),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .to_vec();
    columns.extend(result.columns.iter().map(|name| (name.clone(), Float)));
    let rows = result.hits.iter().map(|hit| {
        let values = row(result, hit);
        let smiles = result.outcome.candidates[hit.id as usize].smiles.clone();
        (format!("candidate-{}", hit.rank), smiles, values)
    });
    let note = result.provenance.to_json();
    let sheet = Sheet { rows: rows.collect(), columns, note };
    Ok(sheet.write(path, format)?)
}

fn row(result: &Optimized, hit: &Hit) -> Vec<Value> {
    let candidate: &Candidate = &result.outcome.candidates[hit.id as usize];
    let parent = candidate.step.parent.map(|id| &result.outcome.candidates[id as usize].smiles);
    let start = result.starts.get(candidate.start as usize).cloned();
    let mut values = vec![
        Value::Whole(hit.rank as i64),
        Value::Text(candidate.smiles.clone()),
        Value::Text(start.unwrap_or_default()),
        Value::Number(Some(round(candidate.fitness, 6))),
        Value::Whole(result.goals_met(candidate) as i64),
        Value::Whole(i64::from(hit.front)),
        Value::Number(Some(round(candidate.similarity, DECIMALS.descriptor))),
        Value::Whole(i64::from(candidate.depth)),
        Value::Text(candidate.step.step.name().to_owned()),
        Value::Text(parent.cloned().unwrap_or_default()),
        Value::Text(way(result, hit.id)),
        Value::Text(marked(&candidate.changed)),
    ];
    values.extend(candidate.values.iter().map(|value| Value::Number(*value)));
    values
}

pub(super) fn write_generated(
    path: &Path,
    format: TableFormat,
    library: &GeneratedLibrary,
) -> Result<(), OptimizeJobError> {
    use OutKind::{Float, Integer, Text};
    let columns = [
        ("id", Text),
        ("smiles", Text),
        ("similarity", Float),
        ("novel", Text),
        ("scaffold", Text),
        ("steps", Integer),
        ("move", Text),
        ("detail", Text),
        ("parent_smiles", Text),
        ("changed_atoms", Text),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .to_vec();
    let made = &library.generated.molecules;
    let rows = (1..).zip(made).map(|(number, one): (usize, _)| {
        let name = format!("generated-{number}");
        let parent = one.step.parent.and_then(|at| made.get(at as usize));
        let parent = parent.map_or(&library.start, |parent| &parent.smiles);
        let values = vec![
            Value::Text(name.clone()),
            Value::Text(one.smiles.clone()),
            Value::Number(Some(round(one.similarity, DECIMALS.descriptor))),
            Value::Text(one.novel.to_string()),
            Value::Text(one.scaffold.clone()),
            Value::Whole(i64::from(one.depth)),
            Value::Text(one.step.step.name().to_owned()),
            Value::Text(one.step.detail.clone()),
            Value::Text(parent.clone()),
            Value::Text(marked(&one.changed)),
        ];
        (name, one.smiles.clone(), values)
    });
    let sheet = Sheet { rows: rows.collect(), columns, note: library.provenance() };
    Ok(sheet.write(path, format)?)
}
