//! A user's measurements: rows read, targets understood, duplicates merged, and what was left out with its reason.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use strata_chem::features::Featuriser;
use strata_chem::learn::Task;
use strata_chem::scaffold::murcko_smiles;
use strata_core::stream::Progress;

use super::{AdaptOptions, TargetKind};
use crate::input::{Layout, RecordReader, record_error};
use crate::tools::ToolError;
use crate::tools::rows::for_each_chunk;

/// Fewest molecules a head is trained on.
pub const FEWEST: usize = 30;
/// Fewest molecules of either class.
const FEWEST_OF_CLASS: usize = 8;
/// Values of one molecule further apart than this many standard deviations of all are called a conflict.
const CONFLICT_SD: f64 = 0.5;

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Dropped {
    /// Its number, from 1.
    pub row: u64,
    /// Its identifier, or `row N`.
    pub id: String,
    /// `parse`, `valence` and the other codes of `screen`; `target_missing`, `target_censored`, `target_not_a_number`,
    /// `conflicting_classes`.
    pub reason: String,
    /// In words.
    pub detail: String,
}

/// A molecule with its target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Molecule {
    pub(super) smiles: String,
    pub(super) scaffold: String,
    pub(super) features: Vec<f32>,
    pub(super) target: f64,
}

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Assay {
    pub(super) molecules: Vec<Molecule>,
    pub(super) task: Task,
    /// Labels of the classes: the negative and the positive one.
    pub(super) classes: Option<[String; 2]>,
    pub(super) rows: u64,
    pub(super) dropped: Vec<Dropped>,
    /// Rows merged into another of the same molecule.
    pub(super) merged: usize,
    /// Molecules whose rows disagree, with what they say.
    pub(super) conflicts: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// A row with a molecule and some target.
struct Measured {
    row: u64,
    id: String,
    text: String,
    molecule: Molecule,
}

/// Reads an assay.
pub(super) fn read(
    reader: &mut dyn RecordReader,
    options: &AdaptOptions,
    featuriser: &Featuriser,
    progress: &mut dyn Progress,
) -> Result<Assay, ToolError> {
    let layout = reader.layout().clone();
    let target = target_column(&layout, &options.target)?;
    let make = |_: &Layout, record: &crate::input::Record, _: u64, mol: strata_chem::Mol| {
        if is_missing(record.value(target)) {
            return Ok(None);
        }
        let mut features = vec![0.0; featuriser.dim()];
        featuriser.write(&mol, &mut features);
        let scaffold = murcko_smiles(&mol).map_err(|error| record_error(&error))?;
        let smiles = mol.canonical_smiles();
        Ok(Some(Molecule { smiles, scaffold, features, target: f64::NAN }))
    };
    let (mut measured, mut dropped) = (Vec::new(), Vec::new());
    let counts = for_each_chunk(reader, progress, make, |layout, rows| {
        for row in rows {
            let (number, id) = (row.number + 1, row.record.id(layout, row.number).into_owned());
            let drop = |reason: &str, detail: String| Dropped {
                row: number,
                id: id.clone(),
                reason: reason.to_owned(),
                detail,
            };
            match row.made {
                Err(error) => dropped.push(drop(&error.code, error.message.clone())),
                Ok(None) => dropped.push(drop("target_missing", "the target is empty".to_owned())),
                Ok(Some(molecule)) => {
                    let text = row.record.value(target).trim().to_owned();
                    measured.push(Measured { row: number, id, text, molecule });
                }
            }
        }
        Ok(())
    })?;
    let mut assay = Assay {
        molecules: Vec::new(),
        task: Task::Regression,
        classes: None,
        rows: counts.rows,
        dropped,
        merged: 0,
        conflicts: Vec::new(),
        notes: Vec::new(),
    };
    understand(&mut assay, &mut measured, options)?;
    merge(&mut assay, measured);
    check(&mut assay, options)?;
    Ok(assay)
}

fn target_column(layout: &Layout, name: &str) -> Result<usize, ToolError> {
    let columns = &layout.columns;
    let exact = columns.iter().position(|column| column.name == name);
    let found = exact.or_else(|| columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)));
    if found.is_some() && found == layout.smiles {
        let text =
            format!("--target {name:?} is the column of SMILES: name the column of measurements");
        return Err(ToolError::Request(text));
    }
    found.ok_or_else(|| {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let names = names.join(", ");
        ToolError::Request(format!(
            "there is no column named {name:?} (--target); the columns are: {names}"
        ))
    })
}

fn is_missing(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    matches!(text.as_str(), "" | "na" | "n/a" | "nan" | "null" | "none" | "nd" | "n.d." | "-" | "?")
}

/// A class as it is compared: numbers by value, words without case.
fn class_of(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => format!("{number}"),
        _ => text.to_lowercase(),
    }
}

/// Decides what the targets are and reads them.
fn understand(
    assay: &mut Assay,
    measured: &mut Vec<Measured>,
    options: &AdaptOptions,
) -> Result<(), ToolError> {
    let mut classes: BTreeMap<String, String> = BTreeMap::new();
    for row in measured.iter() {
        if classes.len() <= 2 {
            classes.entry(class_of(&row.text)).or_insert_with(|| row.text.clone());
        }
    }
    let two = classes.len() == 2;
    let classify =
        options.task == Some(TargetKind::Classification) || (two && options.task.is_none());
    if classify {
        let [negative, positive] = ordered(&classes, options)?;
        for row in measured.iter_mut() {
            row.molecule.target = f64::from(u8::from(class_of(&row.text) == positive.0));
        }
        assay.task = Task::Classification;
        assay.classes = Some([negative.1, positive.1]);
        return Ok(());
    }
    let readable = |row: &Measured| row.text.parse::<f64>().ok().filter(|value| value.is_finite());
    let numbers = measured.iter().filter(|row| readable(row).is_some()).count();
    if numbers * 2 < measured.len() {
        let examples: Vec<String> =
            measured.iter().take(4).map(|row| format!("{:?}", row.text)).collect();
        return Err(ToolError::Request(format!(
            "column {:?} holds neither numbers nor two classes, but such as {}: name another with --target",
            options.target,
            examples.join(", ")
        )));
    }
    measured.retain_mut(|row| {
        let Some(value) = readable(row) else {
            let censored = row.text.starts_with(['<', '>', '~', '≤', '≥']);
            let (reason, detail) = match censored {
                true => ("target_censored", format!("{:?} is a bound, not a value", row.text)),
                false => ("target_not_a_number", format!("{:?} is no number", row.text)),
            };
            let (reason, id) = (reason.to_owned(), row.id.clone());
            assay.dropped.push(Dropped { row: row.row, id, reason, detail });
            return false;
        };
        row.molecule.target = value;
        true
    });
    Ok(())
}

/// The negative and the positive class, each as compared and as written.
fn ordered(
    classes: &BTreeMap<String, String>,
    options: &AdaptOptions,
) -> Result<[(String, String); 2], ToolError> {
    let found: Vec<(String, String)> =
        classes.iter().map(|(a, b)| (a.clone(), b.clone())).collect();
    let [first, second] = <[_; 2]>::try_from(found).map_err(|found| {
        let names: Vec<&str> = found.iter().map(|class| class.1.as_str()).collect();
        let more = if found.len() > 2 { " and more" } else { "" };
        ToolError::Request(format!(
            "a classification needs two classes in column {:?}; it has {}{more}",
            options.target,
            names.join(", ")
        ))
    })?;
    const POSITIVE: [&str; 12] =
        ["1", "active", "a", "yes", "y", "true", "t", "positive", "pos", "+", "toxic", "hit"];
    if let Some(wanted) = &options.positive {
        let wanted = class_of(wanted.trim());
        return match (wanted == first.0, wanted == second.0) {
            (true, _) => Ok([second, first]),
            (_, true) => Ok([first, second]),
            _ => Err(ToolError::Request(format!(
                "--positive {wanted:?} is no class of column {:?}; its classes are: {}, {}",
                options.target, first.1, second.1
            ))),
        };
    }
    let numbers = (first.0.parse::<f64>(), second.0.parse::<f64>());
    let turned = match numbers {
        (Ok(a), Ok(b)) => a > b,
        _ => POSITIVE.contains(&first.0.as_str()) && !POSITIVE.contains(&second.0.as_str()),
    };
    Ok(if turned { [second, first] } else { [first, second] })
}

/// Merges rows of one molecule: values by their mean, classes by majority; a tie of classes leaves the molecule out.
fn merge(assay: &mut Assay, measured: Vec<Measured>) {
    let n = measured.len().max(1) as f64;
    let mean = measured.iter().map(|row| row.molecule.target).sum::<f64>() / n;
    let variance = measured.iter().map(|row| (row.molecule.target - mean).powi(2)).sum::<f64>() / n;
    let mut place: FxHashMap<String, usize> = FxHashMap::default();
    let mut groups: Vec<Vec<Measured>> = Vec::new();
    for row in measured {
        let at = *place.entry(row.molecule.smiles.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Vec::new());
        }
        groups[at].push(row);
    }
    for mut group in groups {
        let values: Vec<f64> = group.iter().map(|row| row.molecule.target).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let disagree = match assay.task {
            Task::Regression => high - low > CONFLICT_SD * variance.sqrt(),
            Task::Classification => high > low,
        };
        if disagree {
            let texts: Vec<&str> = group.iter().map(|row| row.text.as_str()).collect();
            assay.conflicts.push(format!("{}: {}", group[0].molecule.smiles, texts.join(", ")));
        }
        if assay.task == Task::Classification && mean == 0.5 {
            assay.dropped.extend(group.into_iter().map(|row| Dropped {
                row: row.row,
                id: row.id,
                reason: "conflicting_classes".to_owned(),
                detail: "as many rows of this molecule say one class as the other".to_owned(),
            }));
            continue;
        }
        assay.merged += group.len() - 1;
        let mut molecule = group.swap_remove(0).molecule;
        molecule.target = match assay.task {
            Task::Regression => mean,
            Task::Classification => f64::from(u8::from(mean > 0.5)),
        };
        assay.molecules.push(molecule);
    }
    assay.dropped.sort_by_key(|dropped| dropped.row);
}

/// Refuses what nothing can be learnt from; adds notes.
fn check(assay: &mut Assay, options: &AdaptOptions) -> Result<(), ToolError> {
    let n = assay.molecules.len();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    assay.dropped.iter().for_each(|row| *reasons.entry(&row.reason).or_default() += 1);
    let reasons: Vec<String> = reasons.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    let lost = if reasons.is_empty() {
        String::new()
    } else {
        format!(" (left out: {})", reasons.join(", "))
    };
    if n < FEWEST {
        return Err(ToolError::Request(format!(
            "{n} molecules with a target in column {:?}{lost} are too few to train on: at least {FEWEST} are needed",
            options.target
        )));
    }
    let targets = || assay.molecules.iter().map(|molecule| molecule.target);
    if assay.task == Task::Classification {
        let positives = targets().filter(|target| *target > 0.5).count();
        if positives.min(n - positives) < FEWEST_OF_CLASS {
            return Err(ToolError::Request(format!(
                "{positives} positive and {} negative molecules: at least {FEWEST_OF_CLASS} of each class are needed",
                n - positives
            )));
        }
        return Ok(());
    }
    let (low, high) =
        targets().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), t| (a.min(t), b.max(t)));
    if low == high {
        return Err(ToolError::Request(format!(
            "all values in column {:?} are {low}",
            options.target
        )));
    }
    if low > 0.0 && high / low >= 1000.0 {
        let orders = (high / low).log10();
        assay.notes.push(format!(
            "values span {orders:.1} orders of magnitude: their logarithm is usually learnt better than they are"
        ));
    }
    Ok(())
}
