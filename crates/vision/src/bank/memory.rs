//! The bank itself: scoring pictures, taking more normals, giving some back.

use serde::Serialize;

use super::builder::same_shape;
use super::coreset::{Goal, greedy};
use super::index::{Index, Query};
use super::patches::normalise_rows;
use super::score::{farthest, top_mean, weight};
use super::{
    Anomaly, BankError, FitOptions, Identity, Keep, Metric, Neighbour, Normal, Patches, Precision,
    Reduction, Scoring,
};
use crate::calibrate::Calibration;

/// All that a bank is, and its file holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contents {
    pub(super) identity: Identity,
    pub(super) options: FitOptions,
    pub(super) grid: (usize, usize),
    pub(super) dim: usize,
    /// Squared distance within which every vector offered has one that was kept.
    pub(super) radius: f32,
    /// Vectors offered so far, kept or not.
    pub(super) offered: usize,
    pub(super) images: Vec<Normal>,
    pub(super) calibration: Option<Calibration>,
    /// `owners.len()` vectors of `dim` numbers; of length 1 where the metric is cosine.
    pub(super) rows: Vec<f32>,
    /// The picture each vector is from: a place in `images`.
    pub(super) owners: Vec<u32>,
}

/// A memory bank that scores pictures.
#[derive(Debug)]
pub struct MemoryBank {
    contents: Contents,
    index: Index,
    precision: Precision,
}

/// What became of a normal picture that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Its patch vectors.
    pub offered: usize,
    /// Those the bank took: all when it keeps all, else those that nothing in the bank covered.
    pub kept: usize,
}

/// Figures of a bank.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BankStats {
    /// Normal pictures.
    pub images: usize,
    /// Vectors.
    pub vectors: usize,
    /// Vectors offered by the normal pictures.
    pub offered: usize,
    /// Numbers in a vector.
    pub dim: usize,
    /// Distance within which every vector offered has one in the bank, as the selection measured it.
    pub cover_radius: f32,
    /// Bytes of the f32 vectors and of the search's own copy.
    pub bytes: usize,
    /// The search's inner loop on this machine.
    pub kernel: &'static str,
}

impl MemoryBank {
    pub(super) fn from_contents(contents: Contents, precision: Precision) -> Self {
        let index = Index::new(&contents.rows, contents.dim, precision);
        Self { contents, index, precision }
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// What the bank was made with.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.contents.identity
    }

    /// How it scores.
    #[must_use]
    pub fn scoring(&self) -> Scoring {
        self.contents.options.scoring
    }

    /// How it was fitted.
    #[must_use]
    pub fn options(&self) -> FitOptions {
        self.contents.options
    }

    /// Its normal pictures.
    #[must_use]
    pub fn normals(&self) -> &[Normal] {
        &self.contents.images
    }

    /// Rows and columns of the patch grid.
    #[must_use]
    pub fn grid(&self) -> (usize, usize) {
        self.contents.grid
    }

    /// The threshold and what it was made from.
    #[must_use]
    pub fn calibration(&self) -> Option<&Calibration> {
        self.contents.calibration.as_ref()
    }

    /// Sets or takes away the calibration. [`MemoryBank::add`] and [`MemoryBank::remove`] take it away: scores change.
    pub fn set_calibration(&mut self, calibration: Option<Calibration>) {
        self.contents.calibration = calibration;
    }

    /// Figures.
    #[must_use]
    pub fn stats(&self) -> BankStats {
        BankStats {
            images: self.contents.images.len(),
            vectors: self.contents.owners.len(),
            offered: self.contents.offered,
            dim: self.contents.dim,
            cover_radius: self.contents.radius.sqrt(),
            bytes: size_of_val(self.contents.rows.as_slice()) + self.index.bytes(),
            kernel: self.index.kernel(),
        }
    }

    /// Scores a picture.
    ///
    /// # Errors
    /// [`BankError::Features`] when its patches differ in grid or length from the bank's.
    pub fn score(&self, patches: &Patches) -> Result<Anomaly, BankError> {
        let mut scored = self.score_all(std::slice::from_ref(patches))?;
        scored.pop().ok_or(BankError::Empty)
    }

    /// Scores pictures in one search.
    ///
    /// # Errors
    /// As [`MemoryBank::score`].
    pub fn score_all(&self, pictures: &[Patches]) -> Result<Vec<Anomaly>, BankError> {
        self.score_without(pictures, None)
    }

    /// Scores one of the bank's own normal pictures as if it was not in the bank: the rows that come from it are left
    /// out (leave-one-out, for calibration). Rows of other pictures that it made needless stay absent, so that scores
    /// come out a little high: the safe side for a threshold.
    ///
    /// # Errors
    /// As [`MemoryBank::score`]; [`BankError::Unknown`] for a name that is not in the bank, [`BankError::Empty`] when
    /// no other picture is.
    pub fn score_left_out(&self, name: &str, patches: &Patches) -> Result<Anomaly, BankError> {
        let owner = self.place_of(name)?;
        if self.contents.owners.iter().all(|&other| other == owner) {
            return Err(BankError::Empty);
        }
        let mut scored = self.score_without(std::slice::from_ref(patches), Some(owner))?;
        scored.pop().ok_or(BankError::Empty)
    }

    fn score_without(
        &self,
        pictures: &[Patches],
        owner: Option<u32>,
    ) -> Result<Vec<Anomaly>, BankError> {
        let Contents { grid, dim, owners, rows, .. } = &self.contents;
        for picture in pictures {
            same_shape(picture, *grid, *dim)?;
        }
        let scoring = self.scoring();
        let copied;
        let vectors: &[f32] = match pictures {
            [one] if scoring.metric == Metric::Euclidean => one.data(),
            _ => {
                let mut all: Vec<f32> = pictures.iter().flat_map(Patches::data).copied().collect();
                if scoring.metric == Metric::Cosine {
                    normalise_rows(&mut all, *dim);
                }
                copied = all;
                &copied
            }
        };
        let without = owner.map(|owner| (owners.as_slice(), owner));
        let found = self.index.search(rows, &Query { vectors, count: 1, without });
        let count = grid.0 * grid.1;
        let nearest = |found: &Vec<Neighbour>| {
            found.first().copied().unwrap_or(Neighbour { row: 0, distance: 0.0 })
        };
        Ok(found
            .chunks_exact(count)
            .zip(vectors.chunks_exact(count * dim))
            .map(|(found, vectors)| {
                let found: Vec<Neighbour> = found.iter().map(nearest).collect();
                let distances: Vec<f32> =
                    found.iter().map(|near| scoring.distance(near.distance)).collect();
                let score = match scoring.reduction {
                    Reduction::TopMean { share } => top_mean(&distances, share),
                    Reduction::Reweighted { neighbours } => {
                        let worst = farthest(&distances);
                        let vector = &vectors[worst * dim..(worst + 1) * dim];
                        distances[worst]
                            * self.reweight(vector, found[worst].row, neighbours, without)
                    }
                };
                Anomaly {
                    score,
                    grid: *grid,
                    distances,
                    nearest: found.iter().map(|near| near.row).collect(),
                }
            })
            .collect())
    }

    /// PatchCore's weight for a patch whose nearest row is `row`; 1 when the neighbourhood is that row alone.
    fn reweight(
        &self,
        vector: &[f32],
        row: u32,
        count: usize,
        without: Option<(&[u32], u32)>,
    ) -> f32 {
        if count == 1 {
            return 1.0;
        }
        let (rows, dim) = (&self.contents.rows, self.contents.dim);
        let at = |row: u32| &rows[row as usize * dim..(row as usize + 1) * dim];
        let around = self.index.search(rows, &Query { vectors: at(row), count, without });
        let scoring = self.scoring();
        let distance = |near: &Neighbour| {
            scoring.distance(super::index::squared_distance(vector, at(near.row)).sqrt())
        };
        let distances: Vec<f32> = around.iter().flatten().map(distance).collect();
        if distances.len() < 2 { 1.0 } else { weight(&distances) }
    }

    /// Score in 0..=1 with the calibration's threshold at 0.5: 0 at the median of the normal scores, and linear. `None`
    /// without a calibration.
    #[must_use]
    pub fn normalised(&self, score: f32) -> Option<f32> {
        self.calibration().map(|calibration| calibration.normalised(score))
    }

    /// Takes another normal picture. A bank that keeps all takes every patch vector; one that selects takes those that
    /// are farther from the bank than its cover radius, farthest first, at most its share of them (all of them when it
    /// keeps a number): a picture of what is known already adds nothing. The calibration is taken away.
    ///
    /// # Errors
    /// [`BankError::Features`] for patches of another shape, [`BankError::Duplicate`] for a name in the bank.
    pub fn add(&mut self, normal: Normal, patches: &Patches) -> Result<Added, BankError> {
        same_shape(patches, self.contents.grid, self.contents.dim)?;
        if self.place_of(&normal.name).is_ok() {
            return Err(BankError::Duplicate(normal.name));
        }
        let dim = self.contents.dim;
        let mut vectors = patches.data().to_vec();
        if self.scoring().metric == Metric::Cosine {
            normalise_rows(&mut vectors, dim);
        }
        let offered = patches.count();
        let owner = self.contents.images.len() as u32;
        let kept = if self.contents.options.keep == Keep::All {
            self.contents.rows.extend_from_slice(&vectors);
            offered
        } else {
            let query = Query { vectors: &vectors, count: 1, without: None };
            let known: Vec<f32> = self
                .index
                .search(&self.contents.rows, &query)
                .iter()
                .map(|found| {
                    found.first().map_or(f32::INFINITY, |near| near.distance * near.distance)
                })
                .collect();
            let most = match self.contents.options.keep {
                Keep::Share(_) => self.contents.options.goal(offered),
                _ => offered,
            };
            let goal =
                Goal { most, radius: self.contents.radius, seed: self.contents.options.seed };
            let mut chosen: Vec<u32> =
                greedy(&vectors, dim, Some(&known), goal).iter().map(|chosen| chosen.0).collect();
            chosen.sort_unstable();
            for &place in &chosen {
                let at = place as usize * dim;
                self.contents.rows.extend_from_slice(&vectors[at..at + dim]);
            }
            chosen.len()
        };
        self.contents.owners.resize(self.contents.rows.len() / dim, owner);
        self.contents.images.push(normal);
        self.contents.offered += offered;
        self.changed(kept > 0);
        Ok(Added { offered, kept })
    }

    /// Gives a normal picture back: its vectors leave the bank, and so does the calibration. Vectors of other pictures
    /// that were left out of a selection because of it do not come back; where that matters, fit anew. Returns how many
    /// vectors left.
    ///
    /// # Errors
    /// [`BankError::Unknown`] for a name that is not in the bank, [`BankError::Empty`] when nothing would be left.
    pub fn remove(&mut self, name: &str) -> Result<usize, BankError> {
        let owner = self.place_of(name)?;
        let dim = self.contents.dim;
        let before = self.contents.owners.len();
        let removed = self.contents.owners.iter().filter(|&&other| other == owner).count();
        if removed == before {
            return Err(BankError::Empty);
        }
        let mut to = 0;
        for from in 0..before {
            let of = self.contents.owners[from];
            if of != owner {
                self.contents.rows.copy_within(from * dim..(from + 1) * dim, to * dim);
                self.contents.owners[to] = if of > owner { of - 1 } else { of };
                to += 1;
            }
        }
        self.contents.rows.truncate(to * dim);
        self.contents.owners.truncate(to);
        self.contents.images.remove(owner as usize);
        let patches = self.contents.grid.0 * self.contents.grid.1;
        self.contents.offered = self.contents.offered.saturating_sub(patches).max(to);
        self.changed(removed > 0);
        Ok(removed)
    }

    fn changed(&mut self, vectors: bool) {
        if vectors {
            self.contents.calibration = None;
            self.index = Index::new(&self.contents.rows, self.contents.dim, self.precision);
        }
    }

    fn place_of(&self, name: &str) -> Result<u32, BankError> {
        let place = self.contents.images.iter().position(|normal| normal.name == name);
        place.map(|place| place as u32).ok_or_else(|| BankError::Unknown(name.to_owned()))
    }
}
