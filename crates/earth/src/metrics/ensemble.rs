//! Scores of an ensemble of fields against the truth: CRPS, spread, skill, errors of the mean, rank histogram, Brier score.
//!
//! Points are taken in blocks; a block's members are brought into order by Batcher's odd-even merge sort, whose comparisons do not
//! depend on the values, so that they run on many points at once.

use super::area::Area;
use super::{MetricError, Missing, fits};

/// Members and truth of one time, on one grid.
#[derive(Debug, Clone, Copy)]
pub struct Ensemble<'a> {
    /// One field a member.
    pub members: &'a [&'a [f32]],
    /// What happened.
    pub truth: &'a [f32],
    /// Seed of the draw by which a truth that equals some members gets its rank among them.
    pub seed: u64,
}

/// Scores of one time; NaN where there is no number. ⟨⟩ is the mean over the area, X and X′ are members, y the truth, M their number.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// ⟨E|X − y|⟩: WeatherBench 2's CRPS skill.
    pub crps_skill: f64,
    /// ⟨E|X − X′|⟩, unbiased: twice the sum of (2r − M − 1) X over M (M − 1), r the member's rank (Zamo & Naveau, 2018,
    /// doi:10.1007/s11004-017-9709-7); 0 for one member.
    pub crps_spread: f64,
    /// Fair CRPS: skill less half the spread.
    pub crps: f64,
    /// CRPS of the members as they are: the spread taken over M² in place of M (M − 1).
    pub crps_plain: f64,
    /// ⟨(mean − y)²⟩.
    pub mean_mse: f64,
    /// ⟨(mean − y)² − s²/M⟩, which does not depend on M on average; NaN for one member.
    pub debiased_mean_mse: f64,
    /// ⟨s²⟩, s² the unbiased variance of the members; 0 for one member. Its root is the spread.
    pub variance: f64,
    /// Share of the area whose truth has this many members below it, M + 1 numbers that add up to 1.
    pub ranks: Vec<f64>,
    /// Share of the area that all members and the truth have.
    pub coverage: f64,
}

/// Points of a block.
const BLOCK: usize = 64;

/// Comparisons that bring any `count` numbers into order.
fn network(count: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut group = 1;
    while group < count {
        let mut apart = group;
        while apart >= 1 {
            let mut from = apart % group;
            while from + apart < count {
                for at in 0..apart.min(count - from - apart) {
                    let (low, high) = (from + at, from + at + apart);
                    if low / (2 * group) == high / (2 * group) {
                        pairs.push((low, high));
                    }
                }
                from += 2 * apart;
            }
            apart /= 2;
        }
        group *= 2;
    }
    pairs
}

/// A block of points: members one after the other, [`BLOCK`] numbers each.
struct Block {
    members: Vec<[f32; BLOCK]>,
    truth: [f32; BLOCK],
    there: [bool; BLOCK],
}

impl Block {
    /// Takes points of the fields. A point that is missing anywhere becomes 0 everywhere and is marked.
    fn fill(&mut self, ensemble: &Ensemble<'_>, from: usize, count: usize) {
        self.truth[..count].copy_from_slice(&ensemble.truth[from..from + count]);
        let mut sum = self.truth.map(|value| value * 0.0);
        for (row, member) in self.members.iter_mut().zip(ensemble.members) {
            row[..count].copy_from_slice(&member[from..from + count]);
            for (sum, value) in sum.iter_mut().zip(row.iter()) {
                // Of NaN and anything comes NaN; infinities of both signs are no forecast either.
                *sum += *value * 0.0;
            }
        }
        for (at, (there, sum)) in self.there.iter_mut().zip(&sum).enumerate() {
            *there = at < count && !sum.is_nan();
        }
        if self.there.iter().all(|there| *there) {
            return;
        }
        for at in 0..BLOCK {
            if !self.there[at] {
                self.truth[at] = 0.0;
                self.members.iter_mut().for_each(|row| row[at] = 0.0);
            }
        }
    }

    fn sort(&mut self, network: &[(usize, usize)]) {
        for &(low, high) in network {
            let (before, after) = self.members.split_at_mut(high);
            let (a, b) = (&mut before[low], &mut after[0]);
            for at in 0..BLOCK {
                let (x, y) = (a[at], b[at]);
                a[at] = if x < y { x } else { y };
                b[at] = if x < y { y } else { x };
            }
        }
    }
}

/// What is added up over points, in the order of [`Scores`].
#[derive(Default)]
struct Sums {
    weight: f64,
    skill: f64,
    pairs: f64,
    mean_mse: f64,
    variance: f64,
}

/// Scores of one time over an area.
///
/// # Errors
/// [`MetricError`] where there is no member, or a field is not of the area's grid.
pub fn scores(
    area: &Area,
    ensemble: &Ensemble<'_>,
    missing: Missing,
) -> Result<Scores, MetricError> {
    check(area, ensemble)?;
    let count = ensemble.members.len();
    let network = network(count);
    let mut block =
        Block { members: vec![[0.0; BLOCK]; count], truth: [0.0; BLOCK], there: [false; BLOCK] };
    let mut sums = Sums::default();
    let mut ranks = vec![0.0; count + 1];
    for run in &area.runs {
        let mut from = run.points.start;
        while from < run.points.end {
            let taken = BLOCK.min(run.points.end - from);
            block.fill(ensemble, from, taken);
            let found = block.there.iter().filter(|there| **there).count();
            if missing == Missing::Propagate && found < taken {
                return Ok(none(count));
            }
            block.sort(&network);
            add(&mut sums, &block, run.weight);
            for at in (0..taken).filter(|at| block.there[*at]) {
                ranks[rank(&block, at, ensemble.seed, from + at)] += run.weight;
            }
            from += taken;
        }
    }
    let members = count as f64;
    let mean = |sum: f64| sum / sums.weight;
    let skill = mean(sums.skill);
    let pairs = 2.0 * mean(sums.pairs);
    let spread = if count > 1 { pairs / (members * (members - 1.0)) } else { 0.0 * skill };
    let (mean_mse, variance) = (mean(sums.mean_mse), mean(sums.variance));
    Ok(Scores {
        crps_skill: skill,
        crps_spread: spread,
        crps: skill - 0.5 * spread,
        crps_plain: skill - 0.5 * pairs / (members * members),
        mean_mse,
        debiased_mean_mse: if count > 1 { mean_mse - variance / members } else { f64::NAN },
        variance,
        ranks: ranks.into_iter().map(mean).collect(),
        coverage: sums.weight / area.total,
    })
}

fn check(area: &Area, ensemble: &Ensemble<'_>) -> Result<(), MetricError> {
    if ensemble.members.is_empty() {
        return Err(MetricError::NoMember);
    }
    fits("the truth", ensemble.truth.len(), area.points)?;
    ensemble.members.iter().try_for_each(|member| fits("a member", member.len(), area.points))
}

fn none(members: usize) -> Scores {
    Scores {
        crps_skill: f64::NAN,
        crps_spread: f64::NAN,
        crps: f64::NAN,
        crps_plain: f64::NAN,
        mean_mse: f64::NAN,
        debiased_mean_mse: f64::NAN,
        variance: f64::NAN,
        ranks: vec![f64::NAN; members + 1],
        coverage: f64::NAN,
    }
}

/// Adds the points of a block; missing ones are 0 everywhere and add nothing.
fn add(sums: &mut Sums, block: &Block, weight: f64) {
    let members = block.members.len() as f64;
    let (mut skill, mut pairs, mut sum) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
    for (rank, row) in block.members.iter().enumerate() {
        // 2r − M − 1, r from 1.
        let factor = 2.0 * rank as f64 + 1.0 - members;
        for at in 0..BLOCK {
            let error = f64::from(row[at]) - f64::from(block.truth[at]);
            skill[at] += error.abs();
            // Errors in place of values: the factors add up to 0, and small numbers keep their digits.
            pairs[at] += factor * error;
            sum[at] += error;
        }
    }
    let mut square = [0.0; BLOCK];
    for row in &block.members {
        for at in 0..BLOCK {
            let error = f64::from(row[at]) - f64::from(block.truth[at]);
            let apart = error - sum[at] / members;
            square[at] += apart * apart;
        }
    }
    let freedom = (members - 1.0).max(1.0);
    let total = |lanes: &[f64; BLOCK]| lanes.iter().sum::<f64>();
    let squared_means: f64 = sum.iter().map(|sum| (sum / members).powi(2)).sum();
    let found = block.there.iter().filter(|there| **there).count() as f64;
    sums.weight += weight * found;
    sums.skill += weight * total(&skill) / members;
    sums.pairs += weight * total(&pairs);
    sums.mean_mse += weight * squared_means;
    sums.variance += weight * total(&square) / freedom;
}

/// Members below the truth; among members that equal it, one of the places by a draw.
fn rank(block: &Block, at: usize, seed: u64, point: usize) -> usize {
    let truth = block.truth[at];
    let (mut below, mut equal) = (0, 0);
    for row in &block.members {
        below += usize::from(row[at] < truth);
        equal += usize::from(row[at] == truth);
    }
    if equal == 0 {
        return below;
    }
    let draw = super::bootstrap::mix(seed ^ (point as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    below + usize::try_from(draw % (equal as u64 + 1)).unwrap_or(0)
}

/// What an event is: a value above a threshold.
#[derive(Debug, Clone, Copy)]
pub enum Threshold<'a> {
    /// One for all points.
    Value(f32),
    /// One a point, as a quantile of a climatology.
    Field(&'a [f32]),
}

/// Brier score of the share of members above a threshold, and what it would be without the effect of few members (Ferro, 2007,
/// doi:10.1175/WAF1034.1; NaN for one member), as means over an area.
///
/// # Errors
/// [`MetricError`] where there is no member, or a field is not of the area's grid.
pub fn brier(
    area: &Area,
    ensemble: &Ensemble<'_>,
    threshold: Threshold<'_>,
    missing: Missing,
) -> Result<[f64; 2], MetricError> {
    check(area, ensemble)?;
    if let Threshold::Field(field) = threshold {
        fits("the threshold", field.len(), area.points)?;
    }
    let members = ensemble.members.len() as f64;
    let (mut weight, mut plain, mut correction) = (0.0, 0.0, 0.0);
    for run in &area.runs {
        for at in run.points.clone() {
            let limit = match threshold {
                Threshold::Value(value) => value,
                Threshold::Field(field) => field[at],
            };
            let truth = ensemble.truth[at];
            let gap = truth.is_nan()
                || limit.is_nan()
                || ensemble.members.iter().any(|member| member[at].is_nan());
            if gap && missing == Missing::Propagate {
                return Ok([f64::NAN; 2]);
            }
            if gap {
                continue;
            }
            let above = ensemble.members.iter().filter(|member| member[at] > limit).count() as f64;
            let share = above / members;
            weight += run.weight;
            plain += run.weight * (share - f64::from(u8::from(truth > limit))).powi(2);
            correction += run.weight * share * (1.0 - share);
        }
    }
    let debiased = if members > 1.0 { plain - correction / (members - 1.0) } else { f64::NAN };
    Ok([plain / weight, debiased / weight])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::area::Weighting;
    use super::super::region::Region;
    use super::*;
    use crate::grid::Grid;

    #[test]
    fn the_network_sorts_everything_of_noughts_and_ones() {
        for count in 1..=12 {
            let network = network(count);
            for bits in 0..1_u32 << count {
                let mut values: Vec<u32> = (0..count).map(|at| bits >> at & 1).collect();
                for &(low, high) in &network {
                    if values[low] > values[high] {
                        values.swap(low, high);
                    }
                }
                assert!(values.is_sorted(), "{count} {bits:b}");
            }
        }
    }

    #[test]
    fn a_pair_of_members_has_the_textbook_scores() {
        let area =
            Area::new(&Grid::regular(3, 4), &Region::global(), Weighting::default()).unwrap();
        let (low, high, truth) = ([1.0_f32; 12], [4.0_f32; 12], [2.0_f32; 12]);
        let ensemble = Ensemble { members: &[&high, &low], truth: &truth, seed: 1 };
        let scores = scores(&area, &ensemble, Missing::Skip).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(scores.crps_skill, 1.5);
        near(scores.crps_spread, 3.0);
        near(scores.crps, 0.0);
        near(scores.crps_plain, 0.75);
        near(scores.mean_mse, 0.25);
        near(scores.variance, 4.5);
        near(scores.debiased_mean_mse, 0.25 - 2.25);
        near(scores.ranks[1], 1.0);
        let brier = brier(&area, &ensemble, Threshold::Value(3.0), Missing::Skip).unwrap();
        near(brier[0], 0.25);
        near(brier[1], 0.0);
    }

    #[test]
    fn ties_are_spread_by_the_seed_and_gaps_are_left_out() {
        let grid = Grid::regular(91, 180);
        let area = Area::new(&grid, &Region::global(), Weighting::default()).unwrap();
        let mut field = vec![0.0_f32; grid.len()];
        field[7] = f32::NAN;
        let members: Vec<&[f32]> = vec![&field; 3];
        let ensemble = Ensemble { members: &members, truth: &field, seed: 3 };
        let found = scores(&area, &ensemble, Missing::Skip).unwrap();
        assert!(found.ranks.iter().all(|share| (share - 0.25).abs() < 0.02), "{:?}", found.ranks);
        assert!((found.ranks.iter().sum::<f64>() - 1.0).abs() < 1e-12 && found.coverage < 1.0);
        assert_eq!(found, scores(&area, &ensemble, Missing::Skip).unwrap());
        let other = Ensemble { seed: 4, ..ensemble };
        assert_ne!(found.ranks, scores(&area, &other, Missing::Skip).unwrap().ranks);
        assert!(scores(&area, &ensemble, Missing::Propagate).unwrap().crps.is_nan());
        let nobody = Ensemble { members: &[], ..ensemble };
        assert_eq!(scores(&area, &nobody, Missing::Skip), Err(MetricError::NoMember));
    }
}
