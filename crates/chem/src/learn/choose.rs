//! What the head of a data set is made of, by cross-validation on its training rows alone.

use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::blend::{Tried, blend, loss};
use super::boost::{Binned, BoostSettings, boost};
use super::calibrate::platt;
use super::head::{PartSettings, Recipe};
use super::kernel::{Gram, KernelSettings, MAX_SUPPORT};
use super::linear::Design;
use super::{Data, LearnError, Task, View, Watch, check, draw};
use crate::split::Random;

/// Most trees of a member.
const MOST_ROUNDS: usize = 300;
/// Settings of the kernel are tried on at most this many rows: they change little with more.
const KERNEL_TRIAL_ROWS: usize = 800;
/// The same where an encoder's vector takes part, which is a second machine.
const ENCODER_TRIAL_ROWS: usize = 500;
/// Ridges of the linear model.
const RIDGES: [f64; 6] = [0.001, 0.01, 0.03, 0.1, 1.0, 10.0];

/// What a blend with the encoder must have of the out-of-fold error without it: the encoder takes most of the time of
/// a prediction.
pub const ENCODER_GAIN: f64 = 0.995;

/// A model or blend that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its parts, as in `trees + kernel`.
    pub name: String,
    /// Out-of-fold error: root mean square for numbers, logarithmic loss for classes.
    pub loss: f64,
}

/// What was chosen, and from what.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// How a head is made.
    pub recipe: Recipe,
    /// All that were tried, the chosen one among them.
    pub candidates: Vec<Candidate>,
    /// Name of the chosen one.
    pub chosen: String,
}

/// Chooses by the folds given (a number a row, by position).
///
/// # Errors
/// [`LearnError`] where there is nothing to learn, or the caller stops it.
pub fn choose(
    data: &Data<'_>,
    folds: &[usize],
    seed: u64,
    watch: &Watch<'_>,
) -> Result<Choice, LearnError> {
    data.check()?;
    let stop = watch.stop;
    (watch.step)("trees", 0.0);
    let mut tried = vec![trees(data, folds, seed, stop)?];
    let machines = data.rows.len() <= MAX_SUPPORT;
    if machines {
        (watch.step)("kernel", 0.3);
        tried.push(kernel(data, folds, (View::Descriptors, seed), stop)?);
    }
    (watch.step)("linear", 0.6);
    tried.push(linear(data, folds, View::Descriptors, stop)?);
    if data.table.embedding() > 0 {
        (watch.step)("encoder", 0.7);
        tried.push(match machines {
            true => kernel(data, folds, (View::Encoder, seed), stop)?,
            false => linear(data, folds, View::Encoder, stop)?,
        });
    }
    for part in &mut tried {
        if data.task == Task::Classification {
            part.affine = platt(&part.scores, data.targets);
        }
        let (slope, offset) = part.affine;
        part.scores.iter_mut().for_each(|score| *score = slope * *score + offset);
    }
    (watch.step)("blend", 1.0);
    Ok(blend(data, &tried))
}

/// Positions inside and outside of a fold.
pub(super) fn parts_of(folds: &[usize], fold: usize) -> (Vec<usize>, Vec<usize>) {
    (0..folds.len()).partition(|&at| folds[at] == fold)
}

pub(super) fn number_of(folds: &[usize]) -> usize {
    folds.iter().max().map_or(0, |last| last + 1)
}

/// Least rows of a leaf: few where there are few rows at all.
pub(super) fn least_rows(rows: usize) -> usize {
    (rows / 60).clamp(3, 10)
}

fn trees(
    data: &Data<'_>,
    folds: &[usize],
    seed: u64,
    stop: &AtomicBool,
) -> Result<Tried, LearnError> {
    let least = least_rows(data.rows.len());
    let greedy = BoostSettings {
        rounds: MOST_ROUNDS,
        leaves: 8,
        rate: 0.06,
        least,
        features: 0.5,
        rows: 0.7,
        l2: 3.0,
        random_cuts: false,
    };
    let random = BoostSettings {
        leaves: 16,
        rate: 0.1,
        features: 0.8,
        rows: 0.8,
        random_cuts: true,
        ..greedy
    };
    let settings = [greedy, random];
    let binned = Binned::new(data.table, data.rows, least);
    let jobs: Vec<(usize, usize)> =
        (0..settings.len()).flat_map(|s| (0..number_of(folds)).map(move |f| (s, f))).collect();
    // Of each job: the held-out positions with their score after each round.
    let staged: Vec<Vec<(usize, Vec<f64>)>> = jobs
        .par_iter()
        .map(|&(at, fold)| {
            check(stop)?;
            let (held, kept) = parts_of(folds, fold);
            let model =
                boost(&binned, (data.targets, data.task), &kept, &settings[at], seed + fold as u64);
            Ok(held.into_iter().map(|p| (p, model.staged(data.table.row(data.rows[p])))).collect())
        })
        .collect::<Result<_, LearnError>>()?;
    let mut best: Option<(f64, PartSettings, Vec<f64>)> = None;
    for (at, settings) in settings.iter().enumerate() {
        let of_settings = || jobs.iter().zip(&staged).filter(|(job, _)| job.0 == at);
        for rounds in (10..=MOST_ROUNDS).step_by(5) {
            let mut scores = vec![0.0; data.rows.len()];
            for (position, stages) in of_settings().flat_map(|(_, held)| held) {
                scores[*position] = stages[rounds - 1];
            }
            let loss = loss(data, &scores);
            if best.as_ref().is_none_or(|(least, ..)| loss < *least) {
                best = Some((
                    loss,
                    PartSettings::Trees(BoostSettings { rounds, ..*settings }),
                    scores,
                ));
            }
        }
    }
    let (_, settings, scores) = best.ok_or(LearnError::TooLittle { rows: data.rows.len() })?;
    Ok(Tried { name: "trees", settings, scores, affine: (1.0, 0.0) })
}

/// Targets as machines without a loss of their own take them: classes as −1 and 1.
pub(super) fn signed(targets: &[f64], task: Task) -> Vec<f64> {
    match task {
        Task::Regression => targets.to_vec(),
        Task::Classification => targets.iter().map(|target| 2.0 * target - 1.0).collect(),
    }
}

fn kernel(
    data: &Data<'_>,
    folds: &[usize],
    (view, seed): (View, u64),
    stop: &AtomicBool,
) -> Result<Tried, LearnError> {
    let gram = Gram::new(data.table, data.rows, view);
    let targets = signed(data.targets, data.task);
    let out_of_fold = |settings: &KernelSettings, of: &[usize]| -> Result<Vec<f64>, LearnError> {
        let scored: Vec<Vec<(usize, f64)>> = (0..number_of(folds))
            .into_par_iter()
            .map(|fold| {
                check(stop)?;
                let (held, kept): (Vec<usize>, Vec<usize>) =
                    of.iter().partition(|&&at| folds[at] == fold);
                if held.is_empty() || kept.is_empty() {
                    return Ok(Vec::new());
                }
                let (weights, bias) = gram.fit(&targets, &kept, settings);
                let score = |at| (at, gram.score(at, (&kept, &weights, bias), settings));
                Ok(held.into_iter().map(score).collect())
            })
            .collect::<Result<_, LearnError>>()?;
        let mut scores = vec![0.0; data.rows.len()];
        scored.into_iter().flatten().for_each(|(at, score)| scores[at] = score);
        Ok(scores)
    };
    let most = if view == View::Encoder { ENCODER_TRIAL_ROWS } else { KERNEL_TRIAL_ROWS };
    let trial = draw(data.rows.len(), most, &mut Random::new(seed ^ 0x6E61));
    let error = |settings: &KernelSettings| -> Result<f64, LearnError> {
        let scores = out_of_fold(settings, &trial)?;
        Ok(trial.iter().map(|&at| data.weights[at] * (targets[at] - scores[at]).powi(2)).sum())
    };
    let mut best = (f64::INFINITY, KernelSettings { tanimoto: 0.5, gamma: 0.3, ridge: 0.03, view });
    let start = best.1;
    let shapes = [0.1, 0.3, 0.7].into_iter().flat_map(|tanimoto| {
        [0.02, 0.1, 0.4, 1.0].map(move |gamma| KernelSettings { tanimoto, gamma, ..start })
    });
    for settings in shapes {
        let error = error(&settings)?;
        if error < best.0 {
            best = (error, settings);
        }
    }
    let shape = best.1;
    for ridge in [0.001, 0.003, 0.01, 0.1, 0.3, 1.0] {
        let settings = KernelSettings { ridge, ..shape };
        let error = error(&settings)?;
        if error < best.0 {
            best = (error, settings);
        }
    }
    let all: Vec<usize> = (0..data.rows.len()).collect();
    let scores = out_of_fold(&best.1, &all)?;
    let name = if view == View::Encoder { "encoder" } else { "kernel" };
    Ok(Tried { name, settings: PartSettings::Kernel(best.1), scores, affine: (1.0, 0.0) })
}

fn linear(
    data: &Data<'_>,
    folds: &[usize],
    view: View,
    stop: &AtomicBool,
) -> Result<Tried, LearnError> {
    let design = Design::new(data.table, data.rows, view);
    let targets = signed(data.targets, data.task);
    let scored: Vec<Vec<(usize, Vec<f64>)>> = (0..number_of(folds))
        .into_par_iter()
        .map(|fold| {
            check(stop)?;
            let (held, kept) = parts_of(folds, fold);
            let fits = design.fit(&targets, &kept, &RIDGES);
            let score = |at| (at, fits.iter().map(|fit| design.score(at, fit)).collect());
            Ok(held.into_iter().map(score).collect())
        })
        .collect::<Result<_, LearnError>>()?;
    let mut scores = vec![vec![0.0; data.rows.len()]; RIDGES.len()];
    for (at, of_ridges) in scored.into_iter().flatten() {
        scores.iter_mut().zip(of_ridges).for_each(|(scores, score)| scores[at] = score);
    }
    let error = |scores: &[f64]| -> f64 {
        let terms = targets.iter().zip(scores).zip(data.weights);
        terms.map(|((t, s), w)| w * (t - s).powi(2)).sum()
    };
    let best = (0..RIDGES.len()).min_by(|&a, &b| error(&scores[a]).total_cmp(&error(&scores[b])));
    let best = best.unwrap_or(0);
    let settings = PartSettings::Linear { ridge: RIDGES[best], view };
    let name = if view == View::Encoder { "encoder" } else { "linear" };
    Ok(Tried { name, settings, scores: scores.swap_remove(best), affine: (1.0, 0.0) })
}
