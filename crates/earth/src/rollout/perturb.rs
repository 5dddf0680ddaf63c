//! Initial states of an ensemble: the analysis as it is (member 0), and perturbed.

use std::sync::Arc;

use rayon::prelude::*;
use strata_core::runtime::RunOptions;

use super::RolloutError;
use super::noise::{self, Random, Smooth};
use super::step::{Buffers, Stepper};
use crate::card::Contract;
use crate::grid::Grid;

/// How members differ.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Perturbation {
    /// Not at all: one forecast.
    #[default]
    None,
    /// Independent noise at every point.
    Gaussian,
    /// Smooth noise on the sphere, one pattern a variable, the same at all its levels.
    Perlin(Smooth),
    /// Bred vectors: the growing part of smooth noise under the model, which is run so many times from the analysis.
    Bred {
        /// Runs, each of the model's own step; the noise is scaled back after each.
        cycles: u32,
    },
}

/// An ensemble.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ensemble {
    /// How members differ.
    pub perturbation: Perturbation,
    /// Standard deviation of the perturbation, in standard deviations of each field over the globe.
    pub amplitude: f64,
    /// Which noise.
    pub seed: u64,
}

impl Default for Ensemble {
    fn default() -> Self {
        Self { perturbation: Perturbation::None, amplitude: 0.05, seed: 0 }
    }
}

/// Makes members' initial states from the analysis.
pub(super) struct Perturber {
    contract: Contract,
    grid: Arc<Grid>,
    weights: Vec<f64>,
    ensemble: Ensemble,
    /// Standard deviation of each field of the analysis.
    deviations: Vec<f64>,
    /// Bred vectors by member, from member 1.
    bred: Vec<Vec<Vec<f32>>>,
}

impl Perturber {
    pub(super) fn new(
        contract: &Contract,
        analysis: &Buffers,
        ensemble: Ensemble,
    ) -> Result<Self, RolloutError> {
        if !(ensemble.amplitude.is_finite() && ensemble.amplitude >= 0.0) {
            return Err(RolloutError::State {
                why: format!("{} is no amplitude: use 0 or more", ensemble.amplitude),
            });
        }
        let grid = contract.grid();
        let weights = noise::area_weights(&grid);
        let places: Vec<_> = contract.fields().collect();
        let deviation = |place: &crate::state::Place| {
            noise::moments(&analysis.0[place.port].values()[place.range.clone()], &weights).1
        };
        let deviations = places.iter().map(deviation).collect();
        Ok(Self {
            contract: contract.clone(),
            grid,
            weights,
            ensemble,
            deviations,
            bred: Vec::new(),
        })
    }

    /// Perturbs a state that holds the analysis, for a member; member 0 stays.
    pub(super) fn apply(&self, member: u32, state: &mut Buffers) {
        if member == 0 {
            return;
        }
        if let Some(bred) = self.bred.get(member as usize - 1) {
            for (buffer, vector) in state.0.iter_mut().zip(bred) {
                buffer.values_mut().iter_mut().zip(vector).for_each(|(value, more)| *value += more);
            }
            return;
        }
        let smooth = match self.ensemble.perturbation {
            Perturbation::None => return,
            Perturbation::Gaussian => None,
            Perturbation::Perlin(like) => Some(like),
            Perturbation::Bred { .. } => Some(Smooth::default()),
        };
        self.add_noise(member, smooth, state);
    }

    /// Adds noise to every field that is not constant.
    fn add_noise(&self, member: u32, like: Option<Smooth>, state: &mut Buffers) {
        let points = self.grid.len();
        let places: Vec<_> = self.contract.fields().zip(&self.deviations).enumerate().collect();
        for (port, buffer) in state.0.iter_mut().enumerate() {
            let own: Vec<_> = places.iter().filter(|(_, (place, _))| place.port == port).collect();
            // One pattern a variable, whatever the level.
            let mut names: Vec<&str> =
                own.iter().map(|(_, (place, _))| place.variable.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let pattern = |name: &&str| {
                let salt = name.bytes().fold(port as u64, |sum, byte| sum * 257 + u64::from(byte));
                let mut random = Random::new(self.ensemble.seed, &[u64::from(member), salt]);
                like.map(|like| noise::smooth(&self.grid, like, &mut random))
            };
            let patterns: Vec<Option<Vec<f32>>> = names.par_iter().map(pattern).collect();
            // Fields lie one behind the other in a port, in this order.
            buffer.values_mut().par_chunks_mut(points).zip(&own).for_each(
                |(values, (index, (place, deviation)))| {
                    if **deviation == 0.0 {
                        return;
                    }
                    let shared = names
                        .binary_search(&place.variable.as_str())
                        .ok()
                        .and_then(|at| patterns[at].clone());
                    let mut made = shared.unwrap_or_else(|| {
                        noise::white(
                            points,
                            &mut Random::new(
                                self.ensemble.seed,
                                &[u64::from(member), *index as u64],
                            ),
                        )
                    });
                    noise::standardise(
                        &mut made,
                        &self.weights,
                        self.ensemble.amplitude * *deviation,
                    );
                    values.iter_mut().zip(&made).for_each(|(value, more)| *value += more);
                },
            );
        }
    }

    /// Breeds the vectors of all members but the control: how the difference of two runs grows, scaled back each time to the
    /// amplitude (root mean square over all fields, each in its standard deviations).
    pub(super) fn breed(
        &mut self,
        members: u32,
        analysis: &Buffers,
        stepper: &mut Stepper,
        run: &RunOptions,
    ) -> Result<(), RolloutError> {
        let Perturbation::Bred { cycles } = self.ensemble.perturbation else { return Ok(()) };
        let control = stepper.step(analysis, Buffers::zeros(&self.contract)?, run)?;
        let (mut state, mut after) =
            (Buffers::zeros(&self.contract)?, Buffers::zeros(&self.contract)?);
        let mut bred = Vec::new();
        for member in 1..members {
            state.copy_from(analysis);
            self.add_noise(member, Some(Smooth::default()), &mut state);
            for _ in 0..cycles {
                after = stepper.step(&state, after, run)?;
                let factor =
                    self.ensemble.amplitude / self.size(&after, &control).max(f64::MIN_POSITIVE);
                for (port, buffer) in state.0.iter_mut().enumerate() {
                    let (base, grown, kept) = (
                        analysis.0[port].values(),
                        after.0[port].values(),
                        control.0[port].values(),
                    );
                    for (index, value) in buffer.values_mut().iter_mut().enumerate() {
                        *value = base[index]
                            + ((f64::from(grown[index]) - f64::from(kept[index])) * factor) as f32;
                    }
                }
            }
            let vector = |(buffer, base): (
                &strata_core::runtime::Buffer,
                &strata_core::runtime::Buffer,
            )|
             -> Vec<f32> {
                buffer
                    .values()
                    .iter()
                    .zip(base.values())
                    .map(|(value, base)| value - base)
                    .collect()
            };
            let mut vectors: Vec<Vec<f32>> = state.0.iter().zip(&analysis.0).map(vector).collect();
            self.take_means(&mut vectors);
            if vectors.iter().flatten().any(|value| !value.is_finite()) {
                return Err(RolloutError::Bred { member });
            }
            bred.push(vectors);
        }
        self.bred = bred;
        Ok(())
    }

    fn take_means(&self, vectors: &mut [Vec<f32>]) {
        for place in self.contract.fields() {
            let values = &mut vectors[place.port][place.range];
            let mean = noise::moments(values, &self.weights).0 as f32;
            values.iter_mut().for_each(|value| *value -= mean);
        }
    }

    /// Root mean square of a difference over all fields, each in standard deviations of the analysis.
    fn size(&self, state: &Buffers, other: &Buffers) -> f64 {
        let (mut sum, mut fields) = (0.0, 0.0);
        for (place, deviation) in self.contract.fields().zip(&self.deviations) {
            if *deviation == 0.0 {
                continue;
            }
            let (a, b) = (
                &state.0[place.port].values()[place.range.clone()],
                &other.0[place.port].values()[place.range],
            );
            let squares = a
                .iter()
                .zip(b)
                .zip(&self.weights)
                .map(|((a, b), weight)| (f64::from(*a) - f64::from(*b)).powi(2) * weight);
            sum += squares.sum::<f64>() / deviation.powi(2);
            fields += 1.0;
        }
        (sum / f64::max(fields, 1.0)).sqrt()
    }
}
