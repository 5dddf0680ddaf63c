//! Fitting: from the patch vectors of normal pictures to a bank.

use serde::{Deserialize, Serialize};

use super::coreset::{Goal, greedy, project};
use super::memory::Contents;
use super::patches::normalise_rows;
use super::{BankError, Identity, MemoryBank, Metric, Normal, Patches, Precision, Scoring};

/// Which patch vectors of the normal pictures a bank keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// All: for a few pictures (k-shot).
    All,
    /// A share of them, by greedy k-centre selection. PatchCore's own are 0.01 and 0.1.
    Share(f64),
    /// A number of them, by greedy k-centre selection.
    Count(usize),
}

/// How a bank is fitted and scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FitOptions {
    /// Metric and reduction; the bank keeps them.
    pub scoring: Scoring,
    /// What is kept.
    pub keep: Keep,
    /// Draws the projection and the first vector of the selection.
    pub seed: u64,
    /// Vectors held at a time: beyond, those held are thinned out by the same selection to twice the share that will be
    /// kept. It bounds memory for many pictures (Har-Peled and Mazumdar's merge and reduce); the radius of the cover is
    /// at most twice that of one selection.
    pub held: usize,
}

impl Default for FitOptions {
    /// PatchCore with a tenth of the vectors.
    fn default() -> Self {
        Self { scoring: Scoring::patchcore(), keep: Keep::Share(0.1), seed: 0, held: 400_000 }
    }
}

impl FitOptions {
    pub(super) fn check(&self) -> Result<(), BankError> {
        self.scoring.check().map_err(BankError::Options)?;
        match self.keep {
            Keep::Share(share) if !(share > 0.0 && share <= 1.0) => Err(BankError::Options(
                format!("keep a share of {share}: give a number above 0, at most 1"),
            )),
            Keep::Count(0) => Err(BankError::Options("keep 0 vectors: give at least 1".to_owned())),
            _ => Ok(()),
        }
    }

    /// How many of `offered` vectors to keep.
    pub(super) fn goal(&self, offered: usize) -> usize {
        match self.keep {
            Keep::All => offered,
            Keep::Share(share) => ((offered as f64 * share) as usize).clamp(1, offered.max(1)),
            Keep::Count(count) => count.min(offered),
        }
    }
}

/// Takes normal pictures one by one and makes a bank of them.
#[derive(Debug)]
pub struct BankBuilder {
    identity: Identity,
    options: FitOptions,
    grid: (usize, usize),
    dim: usize,
    rows: Vec<f32>,
    owners: Vec<u32>,
    images: Vec<Normal>,
    offered: usize,
    radius: f32,
}

impl BankBuilder {
    /// A builder without pictures.
    ///
    /// # Errors
    /// [`BankError::Options`] when an option is outside its range.
    pub fn new(identity: Identity, options: FitOptions) -> Result<Self, BankError> {
        options.check()?;
        Ok(Self {
            identity,
            options,
            grid: (0, 0),
            dim: 0,
            rows: Vec::new(),
            owners: Vec::new(),
            images: Vec::new(),
            offered: 0,
            radius: 0.0,
        })
    }

    /// Takes a normal picture.
    ///
    /// # Errors
    /// [`BankError::Features`] when its patches differ in grid or length from the first picture's,
    /// [`BankError::Duplicate`] for a name that was given before.
    pub fn push(&mut self, normal: Normal, patches: &Patches) -> Result<(), BankError> {
        self.push_views(normal, std::slice::from_ref(patches))
    }

    /// Takes a normal picture with several views of it (rotated, flipped, shifted): all count as the one picture.
    ///
    /// # Errors
    /// As [`BankBuilder::push`]; [`BankError::Empty`] without a view.
    pub fn push_views(&mut self, normal: Normal, views: &[Patches]) -> Result<(), BankError> {
        let first = views.first().ok_or(BankError::Empty)?;
        if self.images.is_empty() {
            (self.grid, self.dim) = (first.grid(), first.dim());
        }
        for view in views {
            same_shape(view, self.grid, self.dim)?;
        }
        if self.images.iter().any(|known| known.name == normal.name) {
            return Err(BankError::Duplicate(normal.name));
        }
        let owner = self.images.len() as u32;
        self.images.push(normal);
        for view in views {
            self.rows.extend_from_slice(view.data());
            self.owners.resize(self.rows.len() / self.dim, owner);
            self.offered += view.count();
        }
        let held = self.owners.len();
        if held > self.options.held.max(1) && self.options.keep != Keep::All {
            let goal = (2 * self.options.goal(self.offered))
                .min(held / 2)
                .max(self.options.goal(self.offered));
            if goal < held {
                self.thin(goal);
            }
        }
        Ok(())
    }

    /// Pictures taken so far.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// The bank.
    ///
    /// # Errors
    /// [`BankError::Empty`] without pictures.
    pub fn finish(mut self, precision: Precision) -> Result<MemoryBank, BankError> {
        if self.images.is_empty() {
            return Err(BankError::Empty);
        }
        let goal = self.options.goal(self.offered);
        if goal < self.owners.len() {
            self.thin(goal);
        }
        if self.options.scoring.metric == Metric::Cosine {
            normalise_rows(&mut self.rows, self.dim);
        }
        Ok(MemoryBank::from_contents(
            Contents {
                identity: self.identity,
                options: self.options,
                grid: self.grid,
                dim: self.dim,
                radius: self.radius,
                offered: self.offered,
                images: self.images,
                calibration: None,
                rows: self.rows,
                owners: self.owners,
            },
            precision,
        ))
    }

    /// Reduces the vectors held to `goal`, and notes the squared distance within which all are covered.
    fn thin(&mut self, goal: usize) {
        if self.options.scoring.metric == Metric::Cosine {
            normalise_rows(&mut self.rows, self.dim);
        }
        let (small, dim) = project(&self.rows, self.dim, self.options.seed);
        let chosen =
            greedy(&small, dim, None, Goal { most: goal, radius: 0.0, seed: self.options.seed });
        drop(small);
        let radius = chosen.last().map_or(0.0, |last| last.1);
        // In the order of the pictures: a bank reads like its list of normals.
        let mut places: Vec<usize> = chosen.iter().map(|chosen| chosen.0 as usize).collect();
        places.sort_unstable();
        for (to, &from) in places.iter().enumerate() {
            self.rows.copy_within(from * self.dim..(from + 1) * self.dim, to * self.dim);
            self.owners[to] = self.owners[from];
        }
        self.rows.truncate(places.len() * self.dim);
        self.rows.shrink_to_fit();
        self.owners.truncate(places.len());
        if radius.is_finite() {
            self.radius = self.radius.max(radius);
        }
    }
}

/// Refuses patches of another grid or length.
pub(super) fn same_shape(
    patches: &Patches,
    grid: (usize, usize),
    dim: usize,
) -> Result<(), BankError> {
    if (patches.grid(), patches.dim()) == (grid, dim) {
        return Ok(());
    }
    let (given, length) = (patches.grid(), patches.dim());
    Err(BankError::Features(format!(
        "patches on a {}x{} grid of {length} numbers, the bank's are on {}x{} of {dim}",
        given.0, given.1, grid.0, grid.1
    )))
}
