//! Measuring of pairs: fields are read, brought to one grid, scored over all regions and dropped, on all processors.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use strata_earth::climatology::Key;
use strata_earth::metrics::area::Area;
use strata_earth::metrics::deterministic::{Pair, scores, wind_mse};
use strata_earth::metrics::ensemble::{self, Ensemble, Threshold, brier};
use strata_earth::metrics::seeps::{SeepsRules, seeps};
use strata_earth::metrics::series::{Component, Series};
use strata_earth::metrics::spectrum::SpectrumSum;
use strata_earth::metrics::{Missing, bootstrap};

use super::fields::{Bench, Fields, Supply};
use super::pairing::{Gaps, Moment, Pairing};
use super::{Group, Inputs, Measured, Options, SpectrumPair, Verification};

/// Wind components that are measured as vectors too.
const WINDS: [(&str, &str, &str); 3] =
    [("u", "v", "wind"), ("10u", "10v", "10wind"), ("100u", "100v", "100wind")];

/// Latitudes between which spectra are averaged.
const SPECTRUM_BAND: (f64, f64) = (30.0, 60.0);

/// Numbers of one time that metrics are made of.
type Parts = Vec<(Component, f64)>;

/// Numbers of one field over one region.
struct Numbers {
    group: Group,
    unit: String,
    members: usize,
    parts: Parts,
    ranks: Option<Vec<f64>>,
    coverage: f64,
}

/// What came of one moment.
#[derive(Default)]
struct Outcome {
    numbers: Vec<Numbers>,
    spectra: Vec<((Key, i64), SpectrumPair)>,
    gaps: Vec<(Key, String)>,
    pairs: usize,
}

/// Measures all pairs.
pub(super) fn measure(
    inputs: &Inputs<'_>,
    options: &Options,
    pairing: &Pairing,
    supply: &Supply<'_>,
) -> anyhow::Result<Verification> {
    let bench = Bench::new(inputs, options, pairing, supply);
    let tasks: Vec<_> = pairing.tasks.iter().collect();
    let done = AtomicUsize::new(0);
    let outcomes: Vec<Outcome> = tasks
        .par_iter()
        .map(|(moment, keys)| {
            let mut outcome = Outcome::default();
            // Kept for wind vectors alone.
            let mut fields: HashMap<&Key, Fields> = HashMap::new();
            for (key, (members, truth)) in keys.iter() {
                match bench.read(key, **moment, members, *truth) {
                    Ok(read) => {
                        bench.one(key, **moment, &read, &mut outcome)?;
                        if WINDS.iter().any(|(u, v, _)| [*u, *v].contains(&key.variable.as_str())) {
                            fields.insert(key, read);
                        }
                    }
                    Err(error) => outcome.gaps.push((key.clone(), format!("{error:#}"))),
                }
            }
            bench.winds(**moment, &fields, &mut outcome)?;
            if let Some(progress) = inputs.progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, tasks.len());
            }
            Ok(outcome)
        })
        .collect::<anyhow::Result<_>>()?;
    let moments = tasks.iter().map(|(moment, _)| **moment);
    Ok(gather(moments.zip(outcomes), options, pairing))
}

fn gather(
    outcomes: impl Iterator<Item = (Moment, Outcome)>,
    options: &Options,
    pairing: &Pairing,
) -> Verification {
    let mut verification = Verification::default();
    let mut gaps = Gaps::default();
    let mut counts: HashMap<(Key, i64), f64> = HashMap::new();
    for (moment, outcome) in outcomes {
        verification.pairs += outcome.pairs;
        for (key, why) in &outcome.gaps {
            gaps.add(key, why, moment);
        }
        for Numbers { group, unit, members, parts, ranks, coverage } in outcome.numbers {
            let measured = verification.groups.entry(group).or_insert_with(|| Measured {
                series: Series::new(members, options.missing),
                unit,
                ranks: None,
                coverage: 0.0,
            });
            let before = measured.series.times().len() as f64;
            measured.series.push(moment.0, &parts);
            measured.coverage += (coverage - measured.coverage) / (before + 1.0);
            // Histograms of one size are averaged; ensembles that change their size have none.
            measured.ranks = match (measured.ranks.take(), ranks) {
                (None, Some(ranks)) if before == 0.0 => Some(ranks),
                (Some(mut mean), Some(ranks)) if mean.len() == ranks.len() => {
                    for (mean, rank) in mean.iter_mut().zip(&ranks) {
                        *mean += (rank - *mean) / (before + 1.0);
                    }
                    Some(mean)
                }
                _ => None,
            };
        }
        for (at, spectrum) in outcome.spectra {
            let count = counts.entry(at.clone()).or_insert(0.0);
            *count += 1.0;
            let mean =
                verification.spectra.entry(at).or_insert_with(|| vec![[0.0; 3]; spectrum.len()]);
            for (mean, new) in mean.iter_mut().zip(&spectrum) {
                for (mean, new) in mean.iter_mut().zip(new) {
                    // The wavelength of wave number 0 is infinite and stays so.
                    *mean = if new.is_finite() { *mean + (new - *mean) / *count } else { *new };
                }
            }
        }
    }
    verification.unpaired.clone_from(&pairing.unpaired);
    verification.unpaired.extend(gaps.into_list());
    verification
}

impl Bench<'_> {
    fn one(
        &self,
        key: &Key,
        moment: Moment,
        fields: &Fields,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let known = self.known(&fields.grid)?;
        let valid = moment.0 + moment.1;
        let usual = match self.inputs.climatology {
            Some(climatology) => self.usual(climatology, key, (valid, &fields.grid))?,
            None => None,
        };
        if self.inputs.climatology.is_some() && usual.is_none() {
            let why = "no anomaly correlation: the climatology has no such variable, level or hour of the day";
            outcome.gaps.push((key.clone(), why.to_owned()));
        }
        outcome.pairs += 1;
        let mean = mean(&fields.members);
        for (region, area) in known.areas.iter().enumerate() {
            let Some(area) = area else {
                let why =
                    format!("region {} has no point of its grid", self.options.regions[region]);
                outcome.gaps.push((key.clone(), why));
                continue;
            };
            let pair =
                Pair { forecast: &mean, truth: &fields.truth, climatology: usual.as_deref() };
            let (mut parts, coverage) = self.deterministic(area, &pair)?;
            let (more, ranks) = self.probabilistic(key, moment, area, fields)?;
            parts.extend(more);
            if let Some(score) = self.seeps(key, area, &pair, fields)? {
                parts.push((Component::Seeps, score));
            }
            outcome.numbers.push(Numbers {
                group: Group { key: key.clone(), lead: moment.1, region },
                unit: fields.unit.clone(),
                members: fields.members.len(),
                parts,
                ranks,
                coverage,
            });
        }
        if let Some(spectra) = &known.spectra {
            let band = |values: &[f32]| -> anyhow::Result<Vec<(f64, f64)>> {
                let mut sum = SpectrumSum::new(spectra, Missing::Skip);
                sum.add(values)?;
                Ok(sum.band(SPECTRUM_BAND.0, SPECTRUM_BAND.1))
            };
            let (forecast, truth) = (band(&fields.members[0])?, band(&fields.truth)?);
            let both = forecast.iter().zip(&truth).map(|(f, o)| [f.0, f.1, o.1]).collect();
            outcome.spectra.push(((key.clone(), moment.1), both));
        }
        Ok(())
    }

    fn deterministic(&self, area: &Area, pair: &Pair<'_>) -> anyhow::Result<(Parts, f64)> {
        let scores = scores(area, pair, self.options.missing)?;
        let mut parts = vec![
            (Component::Bias, scores.bias),
            (Component::Mae, scores.mae),
            (Component::Mse, scores.mse),
            (Component::Coverage, scores.coverage),
        ];
        if let Some(anomaly) = scores.anomaly {
            parts.extend([
                (Component::Acc, anomaly.acc),
                (Component::AccCentred, anomaly.acc_centred),
                (Component::ForecastVariance, anomaly.forecast_variance),
                (Component::TruthVariance, anomaly.truth_variance),
            ]);
        }
        Ok((parts, scores.coverage))
    }

    fn probabilistic(
        &self,
        key: &Key,
        moment: Moment,
        area: &Area,
        fields: &Fields,
    ) -> anyhow::Result<(Parts, Option<Vec<f64>>)> {
        let mut parts = Vec::new();
        let members: Vec<&[f32]> = fields.members.iter().map(Vec::as_slice).collect();
        let seed = bootstrap::mix(self.options.bootstrap.seed ^ moment.0.0.cast_unsigned())
            ^ moment.1.cast_unsigned();
        let ensemble = Ensemble { members: &members, truth: &fields.truth, seed };
        if let Some(event) = self.options.events.iter().find(|event| event.variable == key.variable)
        {
            let [plain, debiased] =
                brier(area, &ensemble, Threshold::Value(event.above), self.options.missing)?;
            parts.extend([(Component::Brier, plain), (Component::DebiasedBrier, debiased)]);
        }
        if members.len() < 2 {
            return Ok((parts, None));
        }
        let scores = ensemble::scores(area, &ensemble, self.options.missing)?;
        parts.extend([
            (Component::Crps, scores.crps),
            (Component::CrpsPlain, scores.crps_plain),
            (Component::CrpsSkill, scores.crps_skill),
            (Component::CrpsSpread, scores.crps_spread),
            (Component::MeanMse, scores.mean_mse),
            (Component::DebiasedMeanMse, scores.debiased_mean_mse),
            (Component::Variance, scores.variance),
        ]);
        Ok((parts, Some(scores.ranks)))
    }

    fn seeps(
        &self,
        key: &Key,
        area: &Area,
        pair: &Pair<'_>,
        fields: &Fields,
    ) -> anyhow::Result<Option<f64>> {
        let Some(super::PrecipitationClimate { grid, climate }) = self.inputs.precipitation else {
            return Ok(None);
        };
        if key.variable != "tp" || !grid.same_points(&fields.grid) {
            return Ok(None);
        }
        let rules = precipitation_rules(&fields.unit);
        Ok(Some(seeps(area, (pair.forecast, pair.truth), climate, &rules)?))
    }

    fn winds(
        &self,
        moment: Moment,
        fields: &HashMap<&Key, Fields>,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        for (eastward, u) in fields {
            let Some((_, v, name)) = WINDS.iter().find(|(u, _, _)| *u == eastward.variable) else {
                continue;
            };
            let Some(v) = fields.get(&Key::new(v, eastward.level())) else { continue };
            if !u.grid.same_points(&v.grid) {
                continue;
            }
            let known = self.known(&u.grid)?;
            let (mean_u, mean_v) = (mean(&u.members), mean(&v.members));
            let pair = |forecast, truth| Pair { forecast, truth, climatology: None };
            for (region, area) in known.areas.iter().enumerate() {
                let Some(area) = area else { continue };
                let (east, north) = (pair(&mean_u, &u.truth), pair(&mean_v, &v.truth));
                let mse = wind_mse(area, &east, &north, self.options.missing)?;
                outcome.numbers.push(Numbers {
                    group: Group { key: Key::new(name, eastward.level()), lead: moment.1, region },
                    unit: u.unit.clone(),
                    members: u.members.len(),
                    parts: vec![(Component::WindMse, mse)],
                    ranks: None,
                    coverage: 1.0,
                });
            }
        }
        Ok(())
    }
}

/// WeatherBench 2's threshold of 0.25 mm in the unit of the field.
pub(super) fn precipitation_rules(unit: &str) -> SeepsRules {
    let rules = SeepsRules::default();
    if unit == "m" { rules } else { SeepsRules { dry_below: rules.dry_below * 1000.0, ..rules } }
}

/// The mean of the members. A point that a member lacks is missing, as it is for an ensemble's scores.
fn mean(members: &[Vec<f32>]) -> Cow<'_, [f32]> {
    let [first, rest @ ..] = members else { return Cow::Borrowed(&[]) };
    if rest.is_empty() {
        return Cow::Borrowed(first);
    }
    let mut sums: Vec<f64> = first.iter().map(|value| f64::from(*value)).collect();
    for member in rest {
        sums.iter_mut().zip(member).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    Cow::Owned(sums.into_iter().map(|sum| (sum / members.len() as f64) as f32).collect())
}
