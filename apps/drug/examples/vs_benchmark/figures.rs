//! Figures of a ranking, means of them, and intervals by drawing again.

use serde_json::{Value, json};
use strata_chem::metrics::{BEDROC_ALPHA, Ranking};
use strata_chem::split::Random;

/// Draws of an interval over targets.
const DRAWS: usize = 2000;

/// Draws of a target's own interval, a repeat.
const OWN_DRAWS: usize = 200;

/// Figures of one ranking.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figures {
    ef1: f64,
    ef5: f64,
    bedroc: f64,
    auc: f64,
}

/// A figure's name, and which it is.
type Named = (&'static str, fn(&Figures) -> f64);

const ALL: [Named; 4] = [
    ("ef1", |figures| figures.ef1),
    ("ef5", |figures| figures.ef5),
    ("bedroc", |figures| figures.bedroc),
    ("auc", |figures| figures.auc),
];

impl Figures {
    pub(crate) fn of(labels: &[bool], scores: &[f32]) -> Self {
        let pairs = labels.iter().copied().zip(scores.iter().map(|&score| f64::from(score)));
        let ranking = Ranking::new(pairs);
        Self {
            ef1: ranking.enrichment(0.01).unwrap_or(f64::NAN),
            ef5: ranking.enrichment(0.05).unwrap_or(f64::NAN),
            bedroc: ranking.bedroc(BEDROC_ALPHA).unwrap_or(f64::NAN),
            auc: ranking.roc_auc().unwrap_or(f64::NAN),
        }
    }

    pub(crate) fn json(&self) -> Value {
        ALL.iter().map(|(name, of)| ((*name).to_owned(), short(of(self)))).collect()
    }
}

fn short(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}

/// The mean of each figure.
pub(crate) fn mean_of(figures: &[Figures]) -> Figures {
    let mean =
        |of: fn(&Figures) -> f64| figures.iter().map(of).sum::<f64>() / figures.len().max(1) as f64;
    Figures {
        ef1: mean(ALL[0].1),
        ef5: mean(ALL[1].1),
        bedroc: mean(ALL[2].1),
        auc: mean(ALL[3].1),
    }
}

/// BEDROC with the actives drawn with replacement, the decoys as they are; tied molecules share their ranks.
pub(crate) fn resampled(labels: &[bool], scores: &[f32], seed: u64) -> Vec<f64> {
    let of = |wanted: bool| -> Vec<f32> {
        let chosen = labels.iter().zip(scores).filter(|(label, _)| **label == wanted);
        chosen.map(|(_, &score)| score).collect()
    };
    let (actives, mut decoys) = (of(true), of(false));
    decoys.sort_unstable_by(|a, b| b.total_cmp(a));
    let above = |score: f32| {
        let more = decoys.partition_point(|&other| other > score);
        let up_to = decoys.partition_point(|&other| other >= score);
        (more + up_to) as f64 / 2.0
    };
    let before: Vec<f64> = actives.iter().map(|&score| above(score)).collect();
    let mut random = Random::new(seed + 77);
    let one = |_| {
        let mut drawn: Vec<f64> =
            (0..before.len()).map(|_| before[random.below(before.len())]).collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let ranks = drawn.iter().enumerate().map(|(at, before)| before + (at + 1) as f64);
        bedroc(ranks, drawn.len() as f64, labels.len() as f64)
    };
    (0..OWN_DRAWS).map(one).collect()
}

/// BEDROC of actives at these ranks among `total` molecules.
fn bedroc(ranks: impl Iterator<Item = f64>, actives: f64, total: f64) -> f64 {
    let alpha = BEDROC_ALPHA;
    let sum: f64 = ranks.map(|rank| (-alpha * rank / total).exp()).sum();
    let uniform = (1.0 - (-alpha).exp()) / ((alpha / total).exp() - 1.0) / total;
    let (rie, ratio) = (sum / actives / uniform, actives / total);
    let most = (1.0 - (-alpha * ratio).exp()) / (ratio * (1.0 - (-alpha).exp()));
    let least = (1.0 - (alpha * ratio).exp()) / (ratio * (1.0 - alpha.exp()));
    (rie - least) / (most - least)
}

/// The middle 95 % of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interval(f64, f64);

impl Interval {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = (part * values.len().saturating_sub(1) as f64).round() as usize;
            values.get(place).copied().unwrap_or(f64::NAN)
        };
        Self(at(0.025), at(0.975))
    }

    pub(crate) fn json(self) -> Value {
        json!([short(self.0), short(self.1)])
    }
}

/// Mean over targets of each figure, with its interval.
pub(crate) fn over_targets(figures: &[Figures]) -> Value {
    let mut value = mean_of(figures).json();
    for (name, of) in ALL {
        let mut random = Random::new(5);
        let draw = |_| {
            let sum: f64 =
                (0..figures.len()).map(|_| of(&figures[random.below(figures.len())])).sum();
            sum / figures.len().max(1) as f64
        };
        value[format!("{name}_interval_95")] = Interval::of((0..DRAWS).map(draw).collect()).json();
    }
    value
}
