//! Gradient-boosted trees.

use super::bins::Bins;
use super::tree::{Ground, Growth, Tree, grow};
use super::{Table, Task, draw};
use crate::split::Random;

/// How trees are boosted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoostSettings {
    /// Trees.
    pub rounds: usize,
    /// Leaves of a tree.
    pub leaves: usize,
    /// Step of a tree.
    pub rate: f64,
    /// Fewest rows of a leaf.
    pub least: usize,
    /// Share of the features a tree may ask about.
    pub features: f64,
    /// Share of the rows a tree is grown on.
    pub rows: f64,
    /// Weight of the leaves' squares.
    pub l2: f64,
    /// One random cut a feature instead of the best.
    pub random_cuts: bool,
}

/// Boosted trees: a base and what each tree adds (log-odds for classes).
#[derive(Clone, Debug, PartialEq)]
pub struct Boost {
    /// Where the sum starts.
    pub base: f64,
    /// Trees.
    pub trees: Vec<Tree>,
}

/// Rows with their bins, made once for all fits on some of them.
pub(super) struct Binned<'a> {
    pub(super) table: Table<'a>,
    pub(super) rows: &'a [usize],
    pub(super) bins: Bins,
}

impl<'a> Binned<'a> {
    pub(super) fn new(table: Table<'a>, rows: &'a [usize], least: usize) -> Self {
        Self { table, rows, bins: Bins::new(table, rows, least) }
    }
}

pub(super) fn sigmoid(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// Trees from the positions listed; `targets` are by position.
pub(super) fn boost(
    data: &Binned<'_>,
    (targets, task): (&[f64], Task),
    positions: &[usize],
    settings: &BoostSettings,
    seed: u64,
) -> Boost {
    let mut random = Random::new(seed ^ 0x7EE5_5EED);
    let mean = positions.iter().map(|&at| targets[at]).sum::<f64>() / positions.len() as f64;
    let base = match task {
        Task::Regression => mean,
        Task::Classification => {
            let share = mean.clamp(1e-3, 1.0 - 1e-3);
            (share / (1.0 - share)).ln()
        }
    };
    let growth = Growth {
        leaves: settings.leaves,
        least: settings.least,
        l2: settings.l2,
        rate: settings.rate,
        features: settings.features,
        random_cuts: settings.random_cuts,
    };
    let mut scores = vec![base; data.rows.len()];
    let mut slopes = vec![(0.0, 0.0); data.rows.len()];
    let take = ((positions.len() as f64 * settings.rows).round() as usize).max(1);
    let mut trees = Vec::with_capacity(settings.rounds);
    for _ in 0..settings.rounds {
        for &at in positions {
            slopes[at] = match task {
                Task::Regression => (scores[at] - targets[at], 1.0),
                Task::Classification => {
                    let chance = sigmoid(scores[at]);
                    (chance - targets[at], (chance * (1.0 - chance)).max(1e-6))
                }
            };
        }
        let drawn = draw(positions.len(), take, &mut random);
        let drawn = drawn.into_iter().map(|at| positions[at] as u32).collect();
        let ground =
            Ground { table: data.table, rows: data.rows, bins: &data.bins, slopes: &slopes };
        let tree = grow(&ground, drawn, &growth, &mut random);
        for &at in positions {
            scores[at] += f64::from(tree.predict(data.table.row(data.rows[at])));
        }
        trees.push(tree);
    }
    Boost { base, trees }
}

impl Boost {
    /// The score of a row.
    #[must_use]
    pub fn score(&self, row: &[f32]) -> f64 {
        self.base + self.trees.iter().map(|tree| f64::from(tree.predict(row))).sum::<f64>()
    }

    /// The score after each tree.
    pub(super) fn staged(&self, row: &[f32]) -> Vec<f64> {
        let mut score = self.base;
        let add = |tree: &Tree| {
            score += f64::from(tree.predict(row));
            score
        };
        self.trees.iter().map(add).collect()
    }
}
