//! Target fishing: the targets of a model a molecule may act on, best first.

use strata_chem::Mol;
use strata_cli::text::TextTable;
use strata_core::stream::{Progress, RecordError};

use super::{Background, TargetInfo, TargetNames, TargetPredictor};
use crate::input::RecordReader;
use crate::output::round;
use crate::tools::ToolError;
use crate::tools::rows::{Counts, for_each_chunk};

/// What targets are ordered by.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TargetOrder {
    /// Percentile among the reference molecules' scores on the same target; ties by probability.
    #[default]
    Percentile,
    /// The model's probability, which is not calibrated across targets.
    Probability,
}

/// How to fish.
#[derive(Debug, Clone, Copy)]
pub struct Fishing<'a> {
    /// The model.
    pub model: &'a TargetPredictor,
    /// Names of its targets.
    pub names: &'a TargetNames,
    /// What scores are compared with.
    pub background: &'a Background,
    /// At most so many targets a molecule.
    pub top: usize,
    /// Only targets of at least this probability.
    pub min: f64,
    /// What they are ordered by.
    pub by: TargetOrder,
}

/// A target a molecule may act on.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct TargetHit {
    /// Rank, from 1.
    pub rank: usize,
    /// The target.
    #[serde(flatten)]
    pub info: TargetInfo,
    /// Probability of activity, as the model gives it.
    pub probability: f64,
    /// Percentage of the reference molecules with a lower probability on this target.
    pub percentile: f64,
}

/// A molecule and its targets.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Fished {
    /// The molecule's identifier.
    pub query: String,
    /// Stable error code, empty where the molecule is good.
    pub error_code: String,
    /// What was wrong with the molecule.
    pub error: String,
    /// Its targets, best first.
    pub targets: Vec<TargetHit>,
}

/// The targets of molecules, one answer each, in order. A bad molecule has an error code.
#[must_use]
pub fn fish(
    fishing: &Fishing<'_>,
    molecules: Vec<(String, Result<Mol, RecordError>)>,
) -> Vec<Fished> {
    let mols: Vec<&Mol> = molecules.iter().filter_map(|(_, mol)| mol.as_ref().ok()).collect();
    let scores = fishing.model.predict_mols(&mols);
    let width = fishing.model.ids().len();
    let mut rows = scores.as_ref().ok().map(|scores| scores.chunks(width));
    let failed = |query: String, error: RecordError| Fished {
        query,
        error_code: error.code.into_owned(),
        error: error.message,
        targets: Vec::new(),
    };
    let mut answers = Vec::with_capacity(molecules.len());
    for (query, mol) in molecules {
        answers.push(match (mol, rows.as_mut().map(Iterator::next), &scores) {
            (Err(error), ..) => failed(query, error),
            (Ok(_), Some(Some(row)), _) => Fished {
                query,
                error_code: String::new(),
                error: String::new(),
                targets: hits(fishing, row),
            },
            (Ok(_), _, Err(error)) => failed(query, error.clone()),
            (Ok(_), ..) => failed(query, RecordError::new("internal", "the model gave no row")),
        });
    }
    answers
}

fn hits(fishing: &Fishing<'_>, row: &[f32]) -> Vec<TargetHit> {
    let good = |&(_, score): &(usize, &f32)| score.is_finite() && f64::from(*score) >= fishing.min;
    let mut found: Vec<(usize, f32, f64)> = row
        .iter()
        .enumerate()
        .filter(good)
        .map(|(at, &score)| (at, score, fishing.background.percentile(at, score)))
        .collect();
    found.sort_by(|a, b| {
        let by_percentile = match fishing.by {
            TargetOrder::Percentile => b.2.total_cmp(&a.2),
            TargetOrder::Probability => std::cmp::Ordering::Equal,
        };
        by_percentile.then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
    });
    found.truncate(fishing.top);
    let hit = |(rank, (at, score, percentile)): (usize, (usize, f32, f64))| TargetHit {
        rank: rank + 1,
        info: fishing.names.of(&fishing.model.ids()[at]),
        probability: round(f64::from(score), 4),
        percentile: round(percentile, 2),
    };
    found.into_iter().enumerate().map(hit).collect()
}

/// The targets of the molecules of an input, in chunks, in order, in bounded memory.
///
/// # Errors
/// Where the input cannot be read on, or `take` gives up.
pub fn fish_file(
    fishing: &Fishing<'_>,
    reader: &mut dyn RecordReader,
    progress: &mut dyn Progress,
    mut take: impl FnMut(Vec<Fished>) -> Result<(), ToolError>,
) -> Result<Counts, ToolError> {
    for_each_chunk(
        reader,
        progress,
        |_, _, _, mol| Ok(mol),
        |layout, rows| {
            let name =
                |row: &crate::tools::rows::Row<Mol>| row.record.id(layout, row.number).into_owned();
            take(fish(fishing, rows.into_iter().map(|row| (name(&row), row.made)).collect()))
        },
    )
}

/// Writes rows of `query,error_code,rank,target,gene,name,organism,class,probability,percentile`, one a target; a molecule
/// without targets has one row of its own.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn write_csv<W: std::io::Write>(
    answers: &[Fished],
    csv: &mut csv::Writer<W>,
) -> Result<(), csv::Error> {
    for answer in answers {
        if answer.targets.is_empty() {
            let (query, code) = (&*answer.query, &*answer.error_code);
            csv.write_record([query, code, "", "", "", "", "", "", "", ""])?;
        }
        for hit in &answer.targets {
            let TargetInfo { target, gene, name, organism, class } = &hit.info;
            let numbers =
                [hit.rank.to_string(), hit.probability.to_string(), hit.percentile.to_string()];
            csv.write_record([
                &answer.query,
                "",
                &numbers[0],
                target,
                gene,
                name,
                organism,
                class,
                &numbers[1],
                &numbers[2],
            ])?;
        }
    }
    Ok(())
}

/// Columns of [`write_csv`].
pub(crate) const COLUMNS: [&str; 10] = [
    "query",
    "error_code",
    "rank",
    "target",
    "gene",
    "name",
    "organism",
    "class",
    "probability",
    "percentile",
];

/// A table for people.
pub(crate) fn render(answers: &[Fished]) -> String {
    let mut text = String::new();
    for answer in answers {
        if !answer.error_code.is_empty() {
            text += &format!("{}: {} ({})\n\n", answer.query, answer.error, answer.error_code);
            continue;
        }
        let mut table =
            TextTable::new(&["rank", "target", "gene", "probability", "percentile", "name"]);
        for hit in &answer.targets {
            let organism = match &*hit.info.organism {
                "" | "Homo sapiens" => String::new(),
                other => format!(" ({other})"),
            };
            table.row(vec![
                hit.rank.to_string(),
                hit.info.target.clone(),
                hit.info.gene.clone(),
                format!("{:.3}", hit.probability),
                format!("{:.1}", hit.percentile),
                format!("{}{organism}", hit.info.name),
            ]);
        }
        text += &format!("{}\n{}\n", answer.query, table.render());
    }
    text
}
