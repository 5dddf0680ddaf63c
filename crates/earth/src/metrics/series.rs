//! Numbers of many times, and the metrics that are made of them: what streams out of a verification, with bootstrap intervals.

use serde::{Deserialize, Serialize};

use super::Missing;
use super::bootstrap::{Bootstrap, Interval};
use crate::time::Time;

/// A number of one time that metrics are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(
    missing_docs,
    reason = "named as the fields of `deterministic::Scores` and `ensemble::Scores`"
)]
pub enum Component {
    Bias,
    Mae,
    Mse,
    Coverage,
    Acc,
    AccCentred,
    ForecastVariance,
    TruthVariance,
    WindMse,
    Seeps,
    Crps,
    CrpsPlain,
    CrpsSkill,
    CrpsSpread,
    MeanMse,
    DebiasedMeanMse,
    Variance,
    Brier,
    DebiasedBrier,
}

/// How many components there are.
const COMPONENTS: usize = Component::DebiasedBrier as usize + 1;

/// A metric over times. Roots and ratios are of the means over times: RMSE is the root of the time mean of the spatial mean square
/// error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Root mean square error (of the ensemble's mean, where there is an ensemble).
    Rmse,
    /// Mean square error.
    Mse,
    /// Mean absolute error.
    Mae,
    /// Mean error.
    Bias,
    /// Anomaly correlation, uncentred, mean of the times' correlations.
    Acc,
    /// Anomaly correlation, centred.
    AccCentred,
    /// Activity of the forecast: root of the mean spatial variance of its anomaly.
    Activity,
    /// Activity of the truth.
    TruthActivity,
    /// Root mean square length of the error of the wind vector.
    WindVectorRmse,
    /// Stable equitable error in probability space, of precipitation.
    Seeps,
    /// Fair CRPS.
    Crps,
    /// CRPS of the members as they are.
    CrpsPlain,
    /// Mean absolute error of the members.
    CrpsSkill,
    /// Mean absolute difference of members.
    CrpsSpread,
    /// Root mean square error of the ensemble's mean.
    EnsembleMeanRmse,
    /// Mean square error of the ensemble's mean, without the effect of few members.
    DebiasedEnsembleMeanMse,
    /// Root mean variance of the members.
    Spread,
    /// Spread over the error of the mean.
    SpreadSkill,
    /// Likewise times √((M + 1) / M): 1 for a reliable ensemble of M members (Fortin et al., 2014, doi:10.1175/JHM-D-14-0008.1).
    SpreadSkillAdjusted,
    /// Brier score.
    Brier,
    /// Brier score without the effect of few members.
    DebiasedBrier,
}

impl Metric {
    /// All, in the order of reports.
    pub const ALL: [Self; 21] = [
        Self::Rmse,
        Self::Mse,
        Self::Mae,
        Self::Bias,
        Self::Acc,
        Self::AccCentred,
        Self::Activity,
        Self::TruthActivity,
        Self::WindVectorRmse,
        Self::Seeps,
        Self::Crps,
        Self::CrpsPlain,
        Self::CrpsSkill,
        Self::CrpsSpread,
        Self::EnsembleMeanRmse,
        Self::DebiasedEnsembleMeanMse,
        Self::Spread,
        Self::SpreadSkill,
        Self::SpreadSkillAdjusted,
        Self::Brier,
        Self::DebiasedBrier,
    ];

    /// Its name in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rmse => "rmse",
            Self::Mse => "mse",
            Self::Mae => "mae",
            Self::Bias => "bias",
            Self::Acc => "acc",
            Self::AccCentred => "acc_centred",
            Self::Activity => "activity",
            Self::TruthActivity => "truth_activity",
            Self::WindVectorRmse => "wind_vector_rmse",
            Self::Seeps => "seeps",
            Self::Crps => "crps",
            Self::CrpsPlain => "crps_plain",
            Self::CrpsSkill => "crps_skill",
            Self::CrpsSpread => "crps_spread",
            Self::EnsembleMeanRmse => "ensemble_mean_rmse",
            Self::DebiasedEnsembleMeanMse => "debiased_ensemble_mean_mse",
            Self::Spread => "spread",
            Self::SpreadSkill => "spread_skill",
            Self::SpreadSkillAdjusted => "spread_skill_adjusted",
            Self::Brier => "brier",
            Self::DebiasedBrier => "debiased_brier",
        }
    }

    /// The metric of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether a larger number is a better forecast; none where neither end is better.
    #[must_use]
    pub fn larger_is_better(self) -> Option<bool> {
        match self {
            Self::Acc | Self::AccCentred => Some(true),
            Self::Bias
            | Self::Activity
            | Self::TruthActivity
            | Self::CrpsSpread
            | Self::Spread
            | Self::SpreadSkill
            | Self::SpreadSkillAdjusted => None,
            _ => Some(false),
        }
    }

    fn parts(self) -> &'static [Component] {
        match self {
            Self::Rmse | Self::Mse => &[Component::Mse],
            Self::Mae => &[Component::Mae],
            Self::Bias => &[Component::Bias],
            Self::Acc => &[Component::Acc],
            Self::AccCentred => &[Component::AccCentred],
            Self::Activity => &[Component::ForecastVariance],
            Self::TruthActivity => &[Component::TruthVariance],
            Self::WindVectorRmse => &[Component::WindMse],
            Self::Seeps => &[Component::Seeps],
            Self::Crps => &[Component::Crps],
            Self::CrpsPlain => &[Component::CrpsPlain],
            Self::CrpsSkill => &[Component::CrpsSkill],
            Self::CrpsSpread => &[Component::CrpsSpread],
            Self::EnsembleMeanRmse => &[Component::MeanMse],
            Self::DebiasedEnsembleMeanMse => &[Component::DebiasedMeanMse],
            Self::Spread => &[Component::Variance],
            Self::SpreadSkill | Self::SpreadSkillAdjusted => {
                &[Component::Variance, Component::MeanMse]
            }
            Self::Brier => &[Component::Brier],
            Self::DebiasedBrier => &[Component::DebiasedBrier],
        }
    }

    fn of(self, means: &[f64], members: usize) -> f64 {
        let first = means[0];
        match self {
            Self::Rmse
            | Self::Activity
            | Self::TruthActivity
            | Self::WindVectorRmse
            | Self::EnsembleMeanRmse
            | Self::Spread => first.sqrt(),
            Self::SpreadSkill => (first / means[1]).sqrt(),
            Self::SpreadSkillAdjusted => {
                let members = members.max(1) as f64;
                (first / means[1] * (members + 1.0) / members).sqrt()
            }
            _ => first,
        }
    }
}

/// Numbers of times, ascending.
#[derive(Debug, Clone, Default)]
pub struct Series {
    times: Vec<Time>,
    rows: Vec<[f64; COMPONENTS]>,
    held: [bool; COMPONENTS],
    /// Members of the ensemble; 0 or 1 for one forecast.
    pub members: usize,
    /// What becomes of times without a number.
    pub missing: Missing,
}

impl Series {
    /// No time yet.
    #[must_use]
    pub fn new(members: usize, missing: Missing) -> Self {
        Self { members, missing, ..Self::default() }
    }

    /// Adds numbers of a time. A time comes once or in parts, in any order; a number that is given twice is replaced.
    pub fn push(&mut self, time: Time, numbers: &[(Component, f64)]) {
        let at = match self.times.binary_search(&time) {
            Ok(at) => at,
            Err(at) => {
                self.times.insert(at, time);
                self.rows.insert(at, [f64::NAN; COMPONENTS]);
                at
            }
        };
        for &(component, number) in numbers {
            self.rows[at][component as usize] = number;
            self.held[component as usize] = true;
        }
    }

    /// The times.
    #[must_use]
    pub fn times(&self) -> &[Time] {
        &self.times
    }

    /// A number of a time; none where the time was not added.
    #[must_use]
    pub fn at(&self, time: Time, component: Component) -> Option<f64> {
        self.times.binary_search(&time).ok().map(|at| self.rows[at][component as usize])
    }

    /// Whether a metric can be made of what was added.
    #[must_use]
    pub fn has(&self, metric: Metric) -> bool {
        metric.parts().iter().all(|part| self.held[*part as usize])
    }

    /// Time mean of a component; NaN where it has none.
    #[must_use]
    pub fn mean(&self, component: Component) -> f64 {
        self.mean_at(component, 0..self.times.len())
    }

    fn mean_at(&self, component: Component, places: impl Iterator<Item = usize>) -> f64 {
        let (mut sum, mut count) = (0.0, 0_usize);
        for at in places {
            let number = self.rows[at][component as usize];
            if self.missing == Missing::Propagate || !number.is_nan() {
                sum += number;
                count += 1;
            }
        }
        sum / count as f64
    }

    fn metric_at(&self, metric: Metric, places: &[usize]) -> f64 {
        let mut means = [f64::NAN; 2];
        for (mean, part) in means.iter_mut().zip(metric.parts()) {
            *mean = self.mean_at(*part, places.iter().copied());
        }
        metric.of(&means, self.members)
    }

    /// A metric over all times; none where it was not measured.
    #[must_use]
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        let all: Vec<usize> = (0..self.times.len()).collect();
        self.has(metric).then(|| self.metric_at(metric, &all))
    }

    /// A metric with its interval.
    #[must_use]
    pub fn interval(&self, metric: Metric, bootstrap: &Bootstrap) -> Option<Interval> {
        self.has(metric)
            .then(|| bootstrap.interval(self.times.len(), |at| self.metric_at(metric, at)))
    }

    /// How much a metric is larger here than in another series, over the times that both have: both are drawn together (paired
    /// bootstrap), so that what is hard for both does not widen the interval.
    #[must_use]
    pub fn difference(
        &self,
        other: &Self,
        metric: Metric,
        bootstrap: &Bootstrap,
    ) -> Option<Interval> {
        let both: Vec<(usize, usize)> = self
            .times
            .iter()
            .enumerate()
            .filter_map(|(at, time)| Some((at, other.times.binary_search(time).ok()?)))
            .collect();
        if both.is_empty() || !self.has(metric) || !other.has(metric) {
            return None;
        }
        Some(bootstrap.interval(both.len(), |drawn| {
            let ours: Vec<usize> = drawn.iter().map(|at| both[*at].0).collect();
            let theirs: Vec<usize> = drawn.iter().map(|at| both[*at].1).collect();
            self.metric_at(metric, &ours) - other.metric_at(metric, &theirs)
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn series(numbers: &[f64]) -> Series {
        let mut series = Series::new(1, Missing::Skip);
        for (at, number) in numbers.iter().enumerate().rev() {
            series.push(Time(at as i64), &[(Component::Mse, *number)]);
        }
        series
    }

    #[test]
    fn the_root_is_of_the_mean_over_times() {
        let series = series(&[1.0, 9.0, 26.0]);
        assert_eq!(series.metric(Metric::Rmse), Some(12.0_f64.sqrt()));
        assert_eq!(series.metric(Metric::Mae), None);
        assert!(series.times().is_sorted());
        let mut gap = series.clone();
        gap.push(Time(9), &[(Component::Mse, f64::NAN)]);
        assert_eq!(gap.metric(Metric::Mse), Some(12.0));
        gap.missing = Missing::Propagate;
        assert!(gap.metric(Metric::Mse).unwrap().is_nan());
    }

    #[test]
    fn names_lead_back_and_spread_over_skill_knows_the_members() {
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.name()), Some(metric));
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
        let mut series = Series::new(4, Missing::Skip);
        series.push(Time(0), &[(Component::Variance, 4.0), (Component::MeanMse, 5.0)]);
        assert_eq!(series.metric(Metric::SpreadSkill), Some(0.8_f64.sqrt()));
        assert_eq!(series.metric(Metric::SpreadSkillAdjusted), Some(1.0));
    }

    #[test]
    fn a_paired_difference_sees_what_two_intervals_do_not() {
        let hard: Vec<f64> = (0..60).map(|at| 10.0 + 5.0 * f64::from(at % 7)).collect();
        let better = series(&hard);
        let worse = series(
            &hard
                .iter()
                .enumerate()
                .map(|(at, n)| n + 1.0 + (at % 2) as f64 * 0.2)
                .collect::<Vec<_>>(),
        );
        let bootstrap = Bootstrap::default();
        let (a, b) =
            (better.interval(Metric::Mse, &bootstrap), worse.interval(Metric::Mse, &bootstrap));
        assert!(a.unwrap().high > b.unwrap().low);
        let difference = better.difference(&worse, Metric::Mse, &bootstrap).unwrap();
        assert!(difference.high.unwrap() < 0.0 && difference.count == 60);
        let elsewhere = {
            let mut series = Series::new(1, Missing::Skip);
            series.push(Time(999), &[(Component::Mse, 1.0)]);
            series
        };
        assert!(better.difference(&elsewhere, Metric::Mse, &bootstrap).is_none());
    }
}
