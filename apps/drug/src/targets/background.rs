//! Scores of a reference library: what a probability means on a target is how many of ordinary molecules reach it.

use std::path::Path;

use strata_chem::Mol;

use super::TargetPredictor;
use crate::input::{InputSpec, open};
use crate::tools::ToolError;

/// The library of the program's demo: well-known drugs and enumerated amides, made for it and free to pass on.
const BUILT_IN: &str = include_str!("../../../../datasets/demo-library.smi");

/// Reference molecules at most; of a larger file, every so-many-th row. 20,000 by 798 targets take 64 MB.
const MOST: usize = 20_000;

/// Sorted scores of the reference molecules on each target.
#[derive(Debug, Clone)]
pub struct Background {
    /// Target by target, ascending.
    scores: Vec<f32>,
    molecules: usize,
    /// What the reference is, for people.
    name: String,
}

impl Background {
    /// Scores of the built-in reference library.
    ///
    /// # Errors
    /// Where the model gives no answer.
    pub fn built_in(model: &TargetPredictor) -> Result<Self, ToolError> {
        let smiles = BUILT_IN.lines().filter_map(|line| line.split_whitespace().next());
        let mols: Vec<Mol> = smiles.filter_map(|smiles| Mol::from_smiles(smiles).ok()).collect();
        Self::of(model, &mols, "built-in")
    }

    /// Scores of the molecules of a file; rows that cannot be read are left out.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no molecule, or the model gives no answer.
    pub fn from_file(model: &TargetPredictor, path: &Path) -> Result<Self, ToolError> {
        let mut reader = open(&InputSpec { path: path.to_path_buf(), ..InputSpec::default() })?;
        let layout = reader.layout().clone();
        let (mut mols, mut row, mut step) = (Vec::new(), 0_usize, 1_usize);
        while let Some(record) = reader.next_record()? {
            row += 1;
            if !(row - 1).is_multiple_of(step) {
                continue;
            }
            mols.extend(record.molecule(&layout).ok());
            if mols.len() >= 2 * MOST {
                // Every other one of those kept, and from here on half as many rows.
                let mut at = 0;
                mols.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                step *= 2;
            }
        }
        Self::of(model, &mols, &path.display().to_string())
    }

    fn of(model: &TargetPredictor, mols: &[Mol], name: &str) -> Result<Self, ToolError> {
        if mols.is_empty() {
            return Err(ToolError::Request(format!(
                "{name} has no readable molecule to compare with: give another --background"
            )));
        }
        let (width, mols) = (model.ids().len(), mols.iter().collect::<Vec<_>>());
        let mut scores = vec![0.0; mols.len() * width];
        for (chunk, part) in mols.chunks(super::BATCH).enumerate() {
            let rows = model.predict_mols(part).map_err(ToolError::Record)?;
            for (row, values) in rows.chunks(width).enumerate() {
                let molecule = chunk * super::BATCH + row;
                for (target, &value) in values.iter().enumerate() {
                    scores[target * mols.len() + molecule] = value;
                }
            }
        }
        scores.chunks_mut(mols.len()).for_each(|scores| scores.sort_by(f32::total_cmp));
        Ok(Self { scores, molecules: mols.len(), name: name.to_owned() })
    }

    /// Reference molecules.
    #[must_use]
    pub fn molecules(&self) -> usize {
        self.molecules
    }

    /// `built-in`, or the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Percentage of the reference molecules with a lower score on a target, equal ones counting half.
    #[must_use]
    pub fn percentile(&self, target: usize, score: f32) -> f64 {
        let scores = self.of_target(target);
        let below = scores.partition_point(|&other| other < score);
        let up_to = scores.partition_point(|&other| other <= score);
        50.0 * (below + up_to) as f64 / self.molecules as f64
    }

    /// The reference's scores on a target, ascending.
    #[must_use]
    pub fn of_target(&self, target: usize) -> &[f32] {
        let start = target * self.molecules;
        self.scores.get(start..start + self.molecules).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_count_ties_half() {
        let scores = vec![0.1, 0.2, 0.2, 0.9, 0.0, 0.0, 0.0, 0.0];
        let background = Background { scores, molecules: 4, name: "test".to_owned() };
        let found = [0.05, 0.1, 0.2, 0.5, 1.0].map(|score| background.percentile(0, score));
        assert_eq!(found, [0.0, 12.5, 50.0, 75.0, 100.0]);
        assert_eq!((background.percentile(1, 0.0), background.percentile(1, 0.1)), (50.0, 100.0));
    }
}
