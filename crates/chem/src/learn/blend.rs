//! Parts put together by their out-of-fold scores: each alone, equal shares of some, and shares grown step by step.

use super::boost::sigmoid;
use super::calibrate::{log_loss, platt};
use super::choose::{Candidate, Choice, ENCODER_GAIN};
use super::head::{PartSettings, Recipe, RecipePart};
use super::{Data, Task};

/// Steps in which shares grow: the smallest share is one over this.
const STEPS: usize = 20;

/// A part with its out-of-fold scores.
pub(super) struct Tried {
    pub(super) name: &'static str,
    pub(super) settings: PartSettings,
    pub(super) scores: Vec<f64>,
    pub(super) affine: (f64, f64),
}

/// Shares of the parts, and what they lead to.
struct Blend {
    shares: Vec<f64>,
    last: (f64, f64),
    loss: f64,
}

impl Blend {
    fn of(data: &Data<'_>, tried: &[Tried], shares: Vec<f64>) -> Self {
        let mut scores = vec![0.0; data.rows.len()];
        for (part, share) in tried.iter().zip(&shares).filter(|(_, share)| **share > 0.0) {
            scores.iter_mut().zip(&part.scores).for_each(|(sum, s)| *sum += share * s);
        }
        let last = match data.task {
            Task::Regression => (1.0, 0.0),
            Task::Classification => platt(&scores, data.targets),
        };
        scores.iter_mut().for_each(|score| *score = last.0 * *score + last.1);
        Self { loss: loss(data, &scores), shares, last }
    }

    fn sees_encoder(&self, tried: &[Tried]) -> bool {
        let mut parts = tried.iter().zip(&self.shares);
        parts.any(|(part, share)| *share > 0.0 && part.settings.sees_encoder())
    }

    /// `trees + kernel` where shares are equal, else `0.70 trees + 0.30 kernel`.
    fn name(&self, tried: &[Tried]) -> String {
        let parts: Vec<(&str, f64)> = tried
            .iter()
            .zip(&self.shares)
            .filter(|(_, share)| **share > 0.0)
            .map(|(part, share)| (part.name, *share))
            .collect();
        let equal = parts.iter().all(|part| (part.1 - parts[0].1).abs() < 1e-9);
        let word = |(name, share): &(&str, f64)| match equal {
            true => (*name).to_owned(),
            false => format!("{share:.2} {name}"),
        };
        parts.iter().map(word).collect::<Vec<_>>().join(" + ")
    }
}

/// The blend of least loss. With the encoder only where that is worth its time ([`ENCODER_GAIN`]).
pub(super) fn blend(data: &Data<'_>, tried: &[Tried]) -> Choice {
    let without: Vec<usize> =
        (0..tried.len()).filter(|&part| !tried[part].settings.sees_encoder()).collect();
    let mut masks: Vec<usize> = (1..1 << tried.len()).collect();
    masks.sort_by_key(|mask| (mask.count_ones(), *mask));
    let share = |mask: usize, part: usize| f64::from(u8::from(mask >> part & 1 == 1));
    let mut blends: Vec<Blend> = masks
        .into_iter()
        .map(|mask| {
            let shares = (0..tried.len()).map(|part| share(mask, part));
            Blend::of(data, tried, shares.map(|on| on / f64::from(mask.count_ones())).collect())
        })
        .collect();
    blends.push(grown(data, tried, &without));
    if without.len() < tried.len() {
        blends.push(grown(data, tried, &(0..tried.len()).collect::<Vec<_>>()));
    }
    let mut names: Vec<String> = Vec::new();
    blends.retain(|blend| {
        let name = blend.name(tried);
        let fresh = !names.contains(&name);
        names.push(name);
        fresh
    });
    let least = |encoder: bool| {
        let of = blends.iter().filter(|blend| blend.sees_encoder(tried) == encoder);
        of.min_by(|a, b| a.loss.total_cmp(&b.loss))
    };
    // There are always blends without the encoder.
    let plain = least(false).unwrap_or(&blends[0]);
    let best = least(true).filter(|with| with.loss < ENCODER_GAIN * plain.loss).unwrap_or(plain);
    let parts = tried.iter().zip(&best.shares).filter(|(_, share)| **share > 0.0);
    let parts = parts.map(|(part, share)| RecipePart {
        settings: part.settings.clone(),
        weight: *share,
        affine: part.affine,
    });
    let recipe = Recipe { task: data.task, parts: parts.collect(), last: best.last };
    let candidates = blends
        .iter()
        .map(|blend| Candidate { name: blend.name(tried), loss: blend.loss })
        .collect();
    Choice { recipe, candidates, chosen: best.name(tried) }
}

/// Shares that grow by one step at a time, always that part's which lowers the loss most (greedy selection with
/// replacement, Caruana et al. 2004); the best of all steps.
fn grown(data: &Data<'_>, tried: &[Tried], parts: &[usize]) -> Blend {
    let mut steps = vec![0usize; tried.len()];
    let mut best: Option<Blend> = None;
    for taken in 1..=STEPS {
        let with = |part: usize| {
            let step = |(at, n): (usize, &usize)| (n + usize::from(at == part)) as f64;
            let shares = steps.iter().enumerate().map(step);
            Blend::of(data, tried, shares.map(|n| n / taken as f64).collect())
        };
        let found = parts.iter().map(|&part| (part, with(part)));
        let Some((part, blend)) = found.min_by(|a, b| a.1.loss.total_cmp(&b.1.loss)) else { break };
        steps[part] += 1;
        if best.as_ref().is_none_or(|best| blend.loss < best.loss) {
            best = Some(blend);
        }
    }
    // A head has at least one part.
    best.unwrap_or_else(|| Blend::of(data, tried, vec![1.0; tried.len()]))
}

/// Root mean square error, or logarithmic loss of log-odds, each row by its weight.
pub(super) fn loss(data: &Data<'_>, scores: &[f64]) -> f64 {
    let rows = data.targets.iter().zip(scores).zip(data.weights);
    let whole = data.weights.iter().sum::<f64>();
    match data.task {
        Task::Regression => {
            (rows.map(|((t, s), w)| w * (t - s).powi(2)).sum::<f64>() / whole).sqrt()
        }
        Task::Classification => {
            let loss = |((target, &score), weight): ((&f64, &f64), &f64)| {
                weight * log_loss(&[*target], &[sigmoid(score)])
            };
            rows.map(loss).sum::<f64>() / whole
        }
    }
}
