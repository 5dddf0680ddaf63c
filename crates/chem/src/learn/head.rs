//! A head: members of the chosen parts, each of which left out its own tenth of the rows.

use rayon::prelude::*;

use super::boost::{Binned, Boost, BoostSettings, boost, sigmoid};
use super::choose::{least_rows, signed};
use super::kernel::{Gram, KernelMachine, KernelSettings};
use super::linear::{Design, Linear};
use super::{Data, LearnError, Task, View, Watch, check};
use crate::split::Random;

/// Each member leaves out one of this many parts.
const LEFT_OUT: usize = 10;

/// How one part is made.
#[derive(Clone, Debug, PartialEq)]
pub enum PartSettings {
    /// Boosted trees.
    Trees(BoostSettings),
    /// Kernel ridge regression.
    Kernel(KernelSettings),
    /// Ridge regression.
    Linear {
        /// Weight of the squares.
        ridge: f64,
        /// The dense columns it sees.
        view: View,
    },
}

impl PartSettings {
    /// Whether it sees an encoder's vector.
    #[must_use]
    pub fn sees_encoder(&self) -> bool {
        match self {
            Self::Trees(_) => false,
            Self::Kernel(KernelSettings { view, .. }) | Self::Linear { view, .. } => {
                *view == View::Encoder
            }
        }
    }
}

/// A part with its place in the blend.
#[derive(Clone, Debug, PartialEq)]
pub struct RecipePart {
    /// How it is made.
    pub settings: PartSettings,
    /// Its weight.
    pub weight: f64,
    /// Slope and offset that put its scores on the common scale.
    pub affine: (f64, f64),
}

/// How a head is made: score = last(Σ weight · affine(part)).
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// What it predicts.
    pub task: Task,
    /// Its parts.
    pub parts: Vec<RecipePart>,
    /// Slope and offset of the blend.
    pub last: (f64, f64),
}

impl Recipe {
    /// Whether a part sees an encoder's vector.
    #[must_use]
    pub fn sees_encoder(&self) -> bool {
        self.parts.iter().any(|part| part.settings.sees_encoder())
    }

    /// Factor and offset of a part's raw score in the final score; offsets of all parts and the blend add up.
    #[must_use]
    pub fn folded(&self, part: usize) -> (f64, f64) {
        let RecipePart { weight, affine: (slope, offset), .. } = self.parts[part];
        let own = self.last.1 * weight;
        (self.last.0 * weight * slope, self.last.0 * weight * offset + own)
    }
}

/// The members of a part.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Boosted trees, one a member.
    Trees(Vec<Boost>),
    /// A kernel machine.
    Kernel(KernelMachine),
    /// A linear model.
    Linear(Linear),
}

impl Part {
    /// The members' raw scores of a row.
    #[must_use]
    pub fn scores(&self, row: &[f32]) -> Vec<f64> {
        match self {
            Self::Trees(boosts) => boosts.iter().map(|boost| boost.score(row)).collect(),
            Self::Kernel(machine) => machine.scores(row),
            Self::Linear(linear) => linear.scores(row),
        }
    }
}

/// A trained head.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// How it was made.
    pub recipe: Recipe,
    /// Its parts, in the recipe's order.
    pub parts: Vec<Part>,
    /// Members of each part.
    pub members: usize,
}

impl Head {
    /// The members' answers for a row: values, or probabilities.
    #[must_use]
    pub fn predict(&self, row: &[f32]) -> Vec<f64> {
        let mut scores = vec![0.0; self.members];
        for (at, part) in self.parts.iter().enumerate() {
            let (slope, offset) = self.recipe.folded(at);
            let add = |(sum, score): (&mut f64, f64)| *sum += slope * score + offset;
            scores.iter_mut().zip(part.scores(row)).for_each(add);
        }
        if self.recipe.task == Task::Classification {
            scores.iter_mut().for_each(|score| *score = sigmoid(*score));
        }
        scores
    }
}

/// What to train.
#[derive(Clone, Copy, Debug)]
pub struct Ensemble<'a> {
    /// How a member is made.
    pub recipe: &'a Recipe,
    /// Members.
    pub members: usize,
    /// Seed of the first; others follow from it.
    pub seed: u64,
}

/// Trains the members of a recipe.
///
/// # Errors
/// [`LearnError`] where there is nothing to learn, or the caller stops it.
pub fn fit(
    data: &Data<'_>,
    ensemble: &Ensemble<'_>,
    watch: &Watch<'_>,
) -> Result<Head, LearnError> {
    data.check()?;
    let Ensemble { recipe, members, seed } = *ensemble;
    let stop = watch.stop;
    let n = data.rows.len();
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed ^ 0x1EF7).shuffle(&mut order);
    let kept = |member: usize| {
        let kept =
            order.iter().enumerate().filter(|(place, _)| place % LEFT_OUT != member % LEFT_OUT);
        let mut kept: Vec<usize> = kept.map(|(_, &at)| at).collect();
        kept.sort_unstable();
        kept
    };
    let of_members: Vec<Vec<usize>> = (0..members).map(kept).collect();
    let part = |part: &RecipePart| -> Result<Part, LearnError> {
        check(stop)?;
        Ok(match &part.settings {
            PartSettings::Trees(settings) => {
                let binned = Binned::new(data.table, data.rows, least_rows(n));
                let member = |(member, positions): (usize, &Vec<usize>)| {
                    check(stop)?;
                    let seed = seed.wrapping_mul(1000) + member as u64;
                    Ok(boost(&binned, (data.targets, data.task), positions, settings, seed))
                };
                let members = of_members.par_iter().enumerate().map(member);
                Part::Trees(members.collect::<Result<_, LearnError>>()?)
            }
            PartSettings::Kernel(settings) => {
                let targets = signed(data.targets, data.task);
                let gram = Gram::new(data.table, data.rows, settings.view);
                Part::Kernel(gram.machine((&targets, data.table.counts()), &of_members, settings))
            }
            PartSettings::Linear { ridge, view } => {
                let targets = signed(data.targets, data.task);
                let design = Design::new(data.table, data.rows, *view);
                Part::Linear(design.model(&targets, &of_members, *ridge))
            }
        })
    };
    let parts = recipe.parts.iter().map(part).collect::<Result<_, LearnError>>()?;
    Ok(Head { recipe: recipe.clone(), parts, members })
}
