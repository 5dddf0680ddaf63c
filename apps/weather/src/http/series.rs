//! Values at a place through time: linear between the steps of the run, and days made of hours.

use strata_earth::derive::formulas::direction;
use strata_earth::time::HOUR;
use strata_serve::Problem;

use super::variables::{Kind, Units, Variable};
use crate::store::{Run, Spot};

/// Longest time between two steps that is filled in, in seconds: a day's course is not seen in steps of a day.
pub(super) const LONGEST_GAP: i64 = 12 * HOUR;

/// Where times lie between the steps of a run: the step before, the one after and its share. None before the first step, after the
/// last, and in gaps.
pub(super) struct Plan(Vec<Option<(usize, usize, f64)>>);

impl Plan {
    pub(super) fn new(run: &Run, times: &[i64]) -> Self {
        let place = |time: &i64| {
            let step = time - run.reference.0;
            match run.steps.binary_search(&step) {
                Ok(at) => Some((at, at, 0.0)),
                Err(next) => {
                    let before = next.checked_sub(1)?;
                    let (low, high) = (run.steps[before], *run.steps.get(next)?);
                    let gap = high - low;
                    (gap <= LONGEST_GAP).then(|| (before, next, (step - low) as f64 / gap as f64))
                }
            }
        };
        Self(times.iter().map(place).collect())
    }

    fn at(&self, steps: &[f64]) -> Vec<f64> {
        let value = |place: &Option<(usize, usize, f64)>| match place {
            None => f64::NAN,
            Some((at, _, 0.0)) => steps[*at],
            Some((low, high, share)) => steps[*low] * (1.0 - share) + steps[*high] * share,
        };
        self.0.iter().map(value).collect()
    }
}

/// A place in a run, and how many of its members are asked for.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) run: &'a Run,
    pub(super) spot: &'a Spot,
    pub(super) members: usize,
}

impl Here<'_> {
    /// The parts of a variable at the plan's times: by member, then by part. A wind's components are interpolated, never its
    /// direction.
    fn parts(&self, variable: &Variable, plan: &Plan) -> Result<Vec<Vec<Vec<f64>>>, Problem> {
        let bands = variable.bands();
        let mut parts: Vec<Vec<f64>> = vec![Vec::new(); bands.len()];
        let wind = variable.wind();
        if let Some((u, v)) = wind {
            let pair = self.run.wind((bands[u], bands[v]), self.spot, self.members);
            (parts[u], parts[v]) = pair.map_err(Problem::internal)?;
        }
        for (at, band) in bands.iter().enumerate() {
            if wind.is_none_or(|(u, v)| at != u && at != v) {
                let scalar = self.run.scalar(*band, self.spot, self.members);
                parts[at] = scalar.map_err(Problem::internal)?;
            }
        }
        let steps = self.run.steps.len();
        let of_member = |member: usize| {
            let part = |part: &Vec<f64>| plan.at(&part[member * steps..(member + 1) * steps]);
            parts.iter().map(part).collect()
        };
        Ok((0..self.members).map(of_member).collect())
    }

    /// A variable at the plan's times, by member, in the request's units.
    pub(super) fn values(
        &self,
        variable: &Variable,
        plan: &Plan,
        units: Units,
    ) -> Result<Vec<Vec<f32>>, Problem> {
        let members = self.parts(variable, plan)?;
        let of_member = |parts: Vec<Vec<f64>>| {
            let times = parts.first().map_or(0, Vec::len);
            let value = |time: usize| {
                let here: Vec<f64> = parts.iter().map(|part| part[time]).collect();
                units.in_units(variable.kind, variable.value(&here))
            };
            (0..times).map(value).collect()
        };
        Ok(members.into_iter().map(of_member).collect())
    }

    /// Daily values from those of 24 hours each, by member. A day of which an hour is missing has none.
    pub(super) fn days(
        &self,
        daily: &Daily,
        plan: &Plan,
        units: Units,
    ) -> Result<Vec<Vec<f32>>, Problem> {
        let variable = &daily.variable;
        if daily.fold == Fold::Dominant {
            let days = |parts: Vec<Vec<f64>>| {
                let mean = |part: &Vec<f64>, day: usize| {
                    part[day * 24..(day + 1) * 24].iter().sum::<f64>() / 24.0
                };
                let count = parts[0].len() / 24;
                let one = |day| match (mean(&parts[0], day), mean(&parts[1], day)) {
                    (u, v) if u.is_nan() || v.is_nan() => f32::NAN,
                    (u, v) => direction(u, v) as f32,
                };
                (0..count).map(one).collect()
            };
            return Ok(self.parts(variable, plan)?.into_iter().map(days).collect());
        }
        let days = |hours: Vec<f32>| {
            hours.chunks_exact(24).map(|day| daily.fold.of(day)).collect::<Vec<f32>>()
        };
        Ok(self.values(variable, plan, units)?.into_iter().map(days).collect())
    }
}

/// What a day is folded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    Max,
    Min,
    Mean,
    Dominant,
}

impl Fold {
    fn of(self, day: &[f32]) -> f32 {
        if day.iter().any(|value| value.is_nan()) {
            return f32::NAN;
        }
        match self {
            Self::Max => day.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            Self::Min => day.iter().copied().fold(f32::INFINITY, f32::min),
            Self::Mean | Self::Dominant => {
                let sum: f64 = day.iter().map(|value| f64::from(*value)).sum();
                (sum / day.len().max(1) as f64) as f32
            }
        }
    }

    /// Its number in Open-Meteo's FlatBuffers.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Min => 1,
            Self::Max => 2,
            Self::Mean => 3,
            Self::Dominant => 9,
        }
    }
}

/// A daily variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Daily {
    /// As it was asked for.
    pub(super) name: String,
    pub(super) variable: Variable,
    pub(super) fold: Fold,
}

impl Daily {
    /// A daily variable of a run: an hourly one with how it is folded.
    pub(super) fn find(run: &Run, name: &str) -> Option<Self> {
        const FOLDS: [(&str, Fold); 4] = [
            ("_max", Fold::Max),
            ("_min", Fold::Min),
            ("_mean", Fold::Mean),
            ("_dominant", Fold::Dominant),
        ];
        let (base, fold) =
            FOLDS.iter().find_map(|(end, fold)| Some((name.strip_suffix(end)?, *fold)))?;
        let variable = Variable::find(run, base)?;
        // A direction has no mean that is a number, and nothing else is dominant.
        let fits = (variable.kind == Kind::Direction) == (fold == Fold::Dominant);
        (fits && (fold != Fold::Dominant || variable.is_direction())).then(|| Self {
            name: name.to_owned(),
            variable,
            fold,
        })
    }
}
